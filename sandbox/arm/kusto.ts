/** The one shape of query that the sandbox's Resource Graph reads. */

export interface Row {
  readonly id: string;
  /** Lower case. */
  readonly type: string;
  readonly location: string;
  /** `tostring(properties)`. */
  readonly properties: string;
}

interface Condition {
  readonly types: readonly string[];
  /** Each of them is in the properties. */
  readonly contains: readonly string[];
  /** Or this one is not. */
  readonly lacks?: string | undefined;
}

export interface Query {
  /** The rows of `resources`. */
  readonly conditions: readonly Condition[];
  /** The type of `resourcecontainers` that comes with them. */
  readonly container: string;
  /** The column `says`: the label of the first case that holds, or the last one. */
  readonly cases: readonly (Omit<Condition, 'types'> & { readonly label: string })[];
}

const LITERAL = String.raw`'(?:[^'\\\p{Cc}]|\\.)*'`;
const TYPES = String.raw`type in~ \((${LITERAL}(?:, ${LITERAL})*)\)`;
const TEXT = String.raw`tostring\(properties\)`;
const MENTIONS = `${TEXT} contains ${LITERAL}(?: and ${TEXT} contains ${LITERAL})*`;
const LACKS = `${TEXT} !contains (${LITERAL})`;
const SHOWN = String.raw`\(${TYPES} and \(\((${MENTIONS})\) or ${LACKS}\)\)`;
const MENTIONED = String.raw`\(${TYPES} and \((${MENTIONS})\)\)`;
const ONE = new RegExp(`^(?:${SHOWN}|${MENTIONED}|${TYPES})`, 'u');
const COLUMNS = 'project id, type, location, says =';
const CASES = String.raw`case\((${MENTIONS}), (${LITERAL}), ${LACKS}, (${LITERAL}), (${LITERAL})\)`;
const FRAME = new RegExp(
  String.raw`^resources\n\| where (.+)\n\| ${COLUMNS} ${CASES}\n` +
    String.raw`\| union \(resourcecontainers \| where type =~ (${LITERAL}) \| ${COLUMNS} ''\)\n\| order by id asc$`,
  'u',
);

/** Undefined for every other query. */
export function readQuery(text: string): Query | undefined {
  const match = FRAME.exec(text);
  if (match === null) return undefined;
  const [, where = '', mentions = '', first = '', lacks = '', second = '', last = '', container = ''] = match;
  const conditions = readConditions(where);
  if (conditions === undefined) return undefined;
  const cases = [
    { contains: words(mentions), label: label(first) },
    { contains: [], lacks: words(lacks)[0], label: label(second) },
    { contains: [], label: label(last) },
  ];
  return { conditions, container: words(container)[0] ?? '', cases };
}

function readConditions(where: string): readonly Condition[] | undefined {
  const conditions: Condition[] = [];
  for (let rest = where; ;) {
    const match = ONE.exec(rest);
    if (match === null) return undefined;
    const [whole, shown, mentions, lacks = '', mentioned, named, listed = ''] = match;
    conditions.push({
      types: words(shown ?? mentioned ?? listed),
      // Without any word everything of the type is given.
      contains: words(mentions ?? named ?? ''),
      lacks: words(lacks)[0],
    });
    rest = rest.slice(whole.length);
    if (rest === '') return conditions;
    if (!rest.startsWith(' or ')) return undefined;
    rest = rest.slice(' or '.length);
  }
}

/** `in~`, `=~` and `contains` and `!contains` are all without regard to case. */
export function matching({ conditions, container }: Query, { type, properties }: Row): boolean {
  const text = properties.toLowerCase();
  if (type === container) return true;
  return conditions.some(
    ({ types, contains, lacks }) =>
      types.includes(type) &&
      (contains.every((word) => text.includes(word)) || (lacks !== undefined && !text.includes(lacks))),
  );
}

/** What the column `says` has for a row. */
export function saidOf({ container, cases }: Query, { type, properties }: Row): string {
  if (type === container) return '';
  const text = properties.toLowerCase();
  const holds = cases.find(
    ({ contains, lacks }) =>
      contains.every((word) => text.includes(word)) && (lacks === undefined || !text.includes(lacks)),
  );
  return holds?.label ?? '';
}

function words(text: string): readonly string[] {
  return literals(text).map((one) => one.toLowerCase());
}

function label(text: string): string {
  return literals(text)[0] ?? '';
}

function literals(text: string): readonly string[] {
  const found = text.match(new RegExp(LITERAL, 'gu')) ?? [];
  return found.map((one) => one.slice(1, -1).replaceAll(/\\(.)/gu, '$1'));
}
