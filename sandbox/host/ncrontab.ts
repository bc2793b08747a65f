/** NCRONTAB: `{second} {minute} {hour} {day} {month} {day of week}`, UTC; five fields leave out the seconds. */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of week', min: 0, max: 6, names: DAYS },
];

export interface Schedule {
  /** The first moment after `from` that the expression names. */
  next(from: Date): Date;
}

export function parseSchedule(expression: string): Schedule {
  const parts = expression.trim().split(/\s+/);
  if (parts.length === 5) parts.unshift('0');
  if (parts.length !== 6) throw new Error(`'${expression}' is no NCRONTAB expression: it needs six fields`);
  const [seconds, minutes, hours, days, months, weekdays] = FIELDS.map((field, i) =>
    parseField(parts[i] ?? '', field, expression),
  ) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>, Set<number>];
  const times = [...hours].flatMap((h) => [...minutes].flatMap((m) => [...seconds].map((s) => (h * 60 + m) * 60 + s)));
  times.sort((a, b) => a - b);
  return {
    next(from) {
      const day = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()));
      // 29 February falls on a given weekday every 28 years, and every 40 across 2100: later there is no moment.
      for (let i = 0; i < 40 * 366; i += 1, day.setUTCDate(day.getUTCDate() + 1)) {
        const matches =
          months.has(day.getUTCMonth() + 1) && days.has(day.getUTCDate()) && weekdays.has(day.getUTCDay());
        if (!matches) continue;
        const second = times.find((time) => day.getTime() + time * 1000 > from.getTime());
        if (second !== undefined) return new Date(day.getTime() + second * 1000);
      }
      throw new Error(`'${expression}' names no moment in the next forty years`);
    },
  };
}

function parseField(text: string, field: Field, expression: string): Set<number> {
  const values = new Set<number>();
  const bad = (): Error =>
    new Error(`'${expression}' is no NCRONTAB expression: '${text}' is no ${field.name} (${field.min}-${field.max})`);
  const number = (part: string): number => {
    const named = field.names?.indexOf(part.slice(0, 3).toLowerCase()) ?? -1;
    const value = named >= 0 ? named + field.min : /^\d+$/.test(part) ? Number(part) : Number.NaN;
    if (!(value >= field.min && value <= field.max)) throw bad();
    return value;
  };
  for (const item of text.split(',')) {
    const match = /^(\*|[^/*-]+)(?:-([^/-]+))?(?:\/(\d+))?$/.exec(item);
    if (match === null) throw bad();
    const [, first = '', last, step] = match;
    const low = first === '*' ? field.min : number(first);
    const high = last !== undefined ? number(last) : first === '*' || step !== undefined ? field.max : low;
    const stride = step === undefined ? 1 : Number(step);
    if (stride < 1 || high < low) throw bad();
    for (let value = low; value <= high; value += stride) values.add(value);
  }
  return values;
}
