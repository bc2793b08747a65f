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

const LITERAL = String.raw`'(?:[^'\\\p{Cc}]|\\.)*'`;
const TYPES = String.raw`type in~ \((${LITERAL}(?:, ${LITERAL})*)\)`;
const TEXT = String.raw`tostring\(properties\)`;
const MENTIONS = `${TEXT} contains ${LITERAL}(?: and ${TEXT} contains ${LITERAL})*`;
const SHOWN = String.raw`\(${TYPES} and \(\((${MENTIONS})\) or ${TEXT} !contains (${LITERAL})\)\)`;
const MENTIONED = String.raw`\(${TYPES} and \((${MENTIONS})\)\)`;
const ONE = new RegExp(`^(?:${SHOWN}|${MENTIONED}|${TYPES})`, 'u');
const COLUMNS = 'project id, type, location';
const FRAME = new RegExp(
  `^resources\\n\\| where (.+)\\n\\| ${COLUMNS}\\n` +
    `\\| union \\(resourcecontainers \\| where type =~ (${LITERAL}) \\| ${COLUMNS}\\)\\n\\| order by id asc$`,
  'u',
);

/** Undefined for every other query. */
export function readQuery(text: string): readonly Condition[] | undefined {
  const [, where, container] = FRAME.exec(text) ?? [];
  if (where === undefined || container === undefined) return undefined;
  const conditions: Condition[] = [{ types: literals(container), contains: [] }];
  for (let rest = where; ;) {
    const match = ONE.exec(rest);
    if (match === null) return undefined;
    const [whole, shown, mentions, lacks = '', mentioned, words, listed = ''] = match;
    conditions.push({
      types: literals(shown ?? mentioned ?? listed),
      contains: literals(mentions ?? words ?? ''),
      lacks: literals(lacks)[0],
    });
    rest = rest.slice(whole.length);
    if (rest === '') return conditions;
    if (!rest.startsWith(' or ')) return undefined;
    rest = rest.slice(' or '.length);
  }
}

/** `in~`, `=~` and `contains` and `!contains` are all without regard to case. */
export function matching(conditions: readonly Condition[], { type, properties }: Row): boolean {
  const text = properties.toLowerCase();
  return conditions.some(
    ({ types, contains, lacks }) =>
      types.includes(type) &&
      (contains.every((word) => text.includes(word)) || (lacks !== undefined && !text.includes(lacks))),
  );
}

function literals(text: string): readonly string[] {
  const found = text.match(new RegExp(LITERAL, 'gu')) ?? [];
  return found.map((one) => one.slice(1, -1).replaceAll(/\\(.)/gu, '$1').toLowerCase());
}
