import type { RotationWindow, ValueFormatName, ValueShape } from '../rotation/ports.ts';
import { BOUNDS, type Defaults } from './defaults.ts';
import type { TagName } from './tag-names.ts';
import { parseShape } from './value-shape.ts';

type ReportTag = (tag: TagName, message: string) => void;

const FORMATS: readonly ValueFormatName[] = ['bare', 'json', 'adonet', 'libpq', 'jdbc', 'url', 'redis'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const WINDOW_FORMS = 'write 22:00-04:00, Sat,Sun 01:00-05:00 or Mon-Fri 20:00-24:00 (UTC)';

/** A number within its bounds, or the default when the tag is absent or (reported) wrong. */
export function readNumber<T extends TagName>(
  tags: Pick<ReadonlyMap<T, string>, 'get'>,
  tag: T,
  key: Exclude<keyof Defaults, 'accounts' | 'certificates'>,
  defaults: Defaults,
  report: (tag: T, message: string) => void,
): number {
  const text = tags.get(tag);
  if (text === undefined) return defaults[key];
  const { least, most, whole } = BOUNDS[key];
  const good = (whole ? /^(?:0|[1-9]\d{0,5})$/ : /^(?:0|[1-9]\d{0,5})(?:\.\d{1,4})?$/).test(text);
  const value = Number(text);
  if (good && value >= least && value <= most) return value;
  report(tag, `'${text.slice(0, 40)}' must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
  return defaults[key];
}

export function readBooleanTag(text: string | undefined, tag: TagName, report: ReportTag): boolean {
  if (text === undefined) return false;
  const value = text.toLowerCase();
  if (value !== 'true' && value !== 'false') report(tag, `'${text.slice(0, 40)}' is neither true nor false`);
  return value === 'true';
}

export function readFormat(text: string | undefined, report: ReportTag): ValueFormatName | undefined {
  if (text === undefined) return undefined;
  const format = FORMATS.find((one) => one === text.toLowerCase());
  if (format === undefined) report('ValueFormat', `'${text.slice(0, 40)}' is none of ${FORMATS.join(', ')}`);
  return format;
}

export function readShape(text: string | undefined, report: ReportTag): ValueShape | undefined {
  if (text === undefined) return undefined;
  const shape = parseShape(text);
  if (typeof shape !== 'string') return shape;
  report('ValueShape', `'${text.slice(0, 60)}' ${shape}`);
  return undefined;
}

/** `[days ]HH:MM-HH:MM` in UTC; days are names and ranges of names, and are those on which the window starts. */
export function readWindow(text: string | undefined, report: ReportTag): RotationWindow | undefined {
  if (text === undefined) return undefined;
  const window = parseWindow(text);
  if (typeof window !== 'string') return window;
  report('RotationWindow', `'${text.slice(0, 60)}' ${window}; ${WINDOW_FORMS}`);
  return undefined;
}

/** @returns the window, or what is wrong with it */
function parseWindow(text: string): RotationWindow | string {
  const match = /^(?:([a-z,-]+) )?(\d{2}):(\d{2})-(\d{2}):(\d{2})$/i.exec(text);
  if (match === null) return 'is not a window';
  const [startHour, startMin, endHour, endMin] = match.slice(2, 6).map(Number) as [number, number, number, number];
  const startMinute = startHour * 60 + startMin;
  const endMinute = endHour * 60 + endMin;
  if (startMin > 59 || endMin > 59 || startMinute >= 1440 || endMinute > 1440) return 'has an hour that is none';
  if (startMinute === endMinute) return 'is empty; without the tag any time is right';
  if (match[1] === undefined) return { startMinute, endMinute };
  const days = readDays(match[1]);
  return days === undefined ? 'has a day that is none' : { days, startMinute, endMinute };
}

function readDays(text: string): readonly number[] | undefined {
  const found = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const [from = '', to = from, ...more] = part.split('-');
    const [first, last] = [DAYS.indexOf(from), DAYS.indexOf(to)];
    if (first < 0 || last < 0 || more.length > 0) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      found.add(day);
      if (day === last) break;
    }
  }
  return [...found].sort((a, b) => a - b);
}
