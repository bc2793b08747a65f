import { objectIn, textsIn, type Json } from '../json.ts';

/** An entry of `objects` of a SecretProviderClass. */
export interface ClassObject {
  readonly name: string;
  /** `secret`, `key` or `cert`, lower case. */
  readonly type: string;
  /** Absent: the newest one. */
  readonly version?: string;
}

/**
 * Reads the text `objects`: YAML with `array`, a list of texts which are YAML themselves, of one level (docs of the Azure provider,
 * getting-started/usage). Read are block texts, quoted ones, JSON, and maps; nothing else of YAML occurs there.
 * @returns undefined where it is none of these: then nobody knows what is in it
 */
export function objectsIn(text: string): readonly ClassObject[] | undefined {
  const entries = fromJson(text) ?? fromBlocks(text);
  return entries?.flatMap((entry) => {
    const fields = fieldsIn(entry);
    const name = fields.get('objectname');
    if (name === undefined || name === '') return [];
    const version = fields.get('objectversion')?.toLowerCase() ?? '';
    const base = { name, type: fields.get('objecttype')?.toLowerCase() ?? '' };
    return [version === '' ? base : { ...base, version }];
  });
}

/** JSON is YAML as well. */
function fromJson(text: string): readonly string[] | undefined {
  const body = parsed(text.trim());
  return typeof body === 'object' && body !== null ? textsIn(objectIn(body) satisfies Json, 'array') : undefined;
}

function fromBlocks(text: string): readonly string[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(?:#|$)/.test(line));
  const at = lines.findIndex((line) => /^\s*["']?array["']?\s*:/.test(line));
  if (at < 0) return undefined;
  const rest = (lines[at] ?? '').replace(/^[^:]*:\s*/, '').trim();
  if (rest !== '') return fromJson(`{"array":${rest}}`);
  const entries: string[][] = [];
  for (const line of lines.slice(at + 1)) {
    const start = /^\s*-\s+(.*)$/.exec(line)?.[1];
    if (start === undefined && entries.length === 0) return undefined;
    if (start === undefined) entries.at(-1)?.push(line);
    else entries.push([/^[|>][-+0-9]*$/.test(start.trim()) ? '' : scalar(start)]);
  }
  return entries.map((entry) => entry.join('\n'));
}

/** `key: value` of each line; keys lower case. */
function fieldsIn(entry: string): ReadonlyMap<string, string> {
  const fields = entry.split('\n').flatMap((line): (readonly [string, string])[] => {
    const [, key, value = ''] = /^\s*["']?([A-Za-z]+)["']?\s*:\s*(.*)$/.exec(line) ?? [];
    return key === undefined ? [] : [[key.toLowerCase(), scalar(value).trim()]];
  });
  return new Map(fields);
}

/** A quoted text without its quotes, a plain one without the comment behind it. */
function scalar(text: string): string {
  const trimmed = text.trim();
  const [, double] = /^("(?:[^"\\]|\\.)*")(?:\s+#.*)?$/.exec(trimmed) ?? [];
  const value = double === undefined ? undefined : parsed(double);
  if (typeof value === 'string') return value;
  const [, single] = /^'((?:[^']|'')*)'(?:\s+#.*)?$/.exec(trimmed) ?? [];
  if (single !== undefined) return single.replaceAll("''", "'");
  return trimmed.replace(/\s+#.*$/, '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
