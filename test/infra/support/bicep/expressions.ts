/**
 * Expressions of Bicep, as the compiler's own parser takes them: no line ends beside operators, save before `?` and `:`,
 * items and properties parted by line ends or by single commas, arguments by commas.
 */
import type { Expression, Property } from './syntax.ts';
import { BicepSyntaxError, Cursor, type Token } from './tokens.ts';

const PRECEDENCE: Readonly<Record<string, number>> = {
  ...{ '*': 100, '/': 100, '%': 100, '+': 90, '-': 90 },
  ...{ '>': 80, '>=': 80, '<': 80, '<=': 80, '==': 70, '!=': 70, '=~': 70, '!~': 70 },
  ...{ '&&': 50, '||': 40, '??': 30 },
};
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** What is read of an object besides its properties: nested resources, which only a resource's own body has. */
export type TakeNested = (cursor: Cursor) => boolean;
const NOTHING_NESTED: TakeNested = () => false;

export function expression(cursor: Cursor): Expression {
  const condition = binary(cursor, 0);
  if (!seesOnNextLine(cursor, '?')) return condition;
  cursor.lineEnds();
  cursor.expect('?');
  const yes = expression(cursor);
  if (seesOnNextLine(cursor, ':')) cursor.lineEnds();
  cursor.expect(':');
  return { kind: 'ternary', condition, yes, no: expression(cursor), line: condition.line };
}

function seesOnNextLine(cursor: Cursor, sign: string): boolean {
  return cursor.sees(sign) || (cursor.peek().kind === 'line-end' && cursor.sees(sign, 1));
}

function binary(cursor: Cursor, above: number): Expression {
  let left = unary(cursor);
  for (;;) {
    const { kind, text } = cursor.peek();
    const precedence = kind === 'sign' ? (PRECEDENCE[text] ?? 0) : 0;
    if (precedence <= above) return left;
    cursor.next();
    left = { kind: 'binary', operator: text, left, right: binary(cursor, precedence), line: left.line };
  }
}

function unary(cursor: Cursor): Expression {
  const { line } = cursor;
  for (const operator of ['!', '-', '+']) {
    if (cursor.takes(operator)) return { kind: 'unary', operator, of: unary(cursor), line };
  }
  return member(cursor);
}

function member(cursor: Cursor): Expression {
  let of = primary(cursor);
  for (;;) {
    const { line } = cursor;
    if (cursor.takes('.')) {
      const safe = cursor.takes('?');
      const name = cursor.word('the name of a property');
      of = cursor.sees('(')
        ? { kind: 'call', of, name, args: args(cursor), line }
        : { kind: 'member', of, name, safe, line };
    } else if (cursor.takes('[')) {
      const safe = cursor.takes('?');
      cursor.takes('^');
      of = { kind: 'index', of, index: expression(cursor), safe, line };
      cursor.expect(']');
    } else if (cursor.takes('::'))
      of = { kind: 'nested', of, name: cursor.word('the name of a nested resource'), line };
    else if (!cursor.takes('!')) return of;
  }
}

function primary(cursor: Cursor): Expression {
  const { kind, text, line } = cursor.peek();
  if (kind === 'string') return interpolated(cursor.next());
  if (kind === 'number') return { kind: 'literal', value: Number(cursor.next().text), line };
  if (kind === 'word') return named(cursor);
  if (text === '{') return object(cursor);
  if (text === '[') return isLoop(cursor) ? loop(cursor) : array(cursor);
  if (text === '(') return parenthesized(cursor);
  return cursor.fail('an expression');
}

export function interpolated(token: Token): Expression {
  const { pieces, holes, line } = token;
  if (holes.length === 0) return { kind: 'literal', value: pieces[0] ?? '', line };
  const inner = holes.map((hole) => {
    const cursor = new Cursor(hole);
    const value = expression(cursor);
    if (cursor.peek().kind !== 'end') cursor.fail("'}'");
    return value;
  });
  return { kind: 'template', pieces, holes: inner, line };
}

function named(cursor: Cursor): Expression {
  const { text: name, line } = cursor.next();
  const constant = CONSTANTS.get(name);
  if (constant !== undefined) return { kind: 'literal', value: constant, line };
  if (cursor.sees('(')) return { kind: 'call', name, args: args(cursor), line };
  return cursor.takes('=>') ? lambda(cursor, [name], line) : { kind: 'name', name, line };
}

function lambda(cursor: Cursor, names: readonly string[], line: number): Expression {
  cursor.lineEnds();
  return { kind: 'lambda', names, body: expression(cursor), line };
}

/** `(` to `)`, with line ends where the compiler takes them; no comma at the end. */
export function args(cursor: Cursor): readonly Expression[] {
  cursor.expect('(');
  const found: Expression[] = [];
  cursor.lineEnds();
  while (!cursor.takes(')')) {
    found.push(expression(cursor));
    if (cursor.takes(',')) {
      cursor.lineEnds();
      if (cursor.sees(')')) cursor.fail('an argument');
    } else {
      cursor.lineEnds();
      if (!cursor.sees(')')) cursor.fail("',' or ')'");
    }
  }
  return found;
}

function parenthesized(cursor: Cursor): Expression {
  const { line } = cursor;
  const inner = args(cursor);
  if (cursor.takes('=>')) {
    const names = inner.map((one) => (one.kind === 'name' ? one.name : cursor.fail('the names of a lambda')));
    return lambda(cursor, names, line);
  }
  const [only] = inner;
  return only !== undefined && inner.length === 1 ? only : cursor.fail('one expression in parentheses');
}

/** Parted by line ends or by one comma that no line end follows. */
export function parted(cursor: Cursor, close: string, one: () => void): void {
  cursor.lineEnds();
  while (!cursor.takes(close)) {
    one();
    if (cursor.sees(close)) continue;
    if (cursor.takes(',')) {
      if (cursor.peek().kind === 'line-end') cursor.fail('an item after the comma');
    } else if (cursor.peek().kind === 'line-end') cursor.lineEnds();
    else cursor.fail(`a line end, ',' or '${close}'`);
  }
}

function array(cursor: Cursor): Expression {
  const { line } = cursor.expect('[');
  const items: Expression[] = [];
  parted(cursor, ']', () => {
    const at = cursor.line;
    items.push(cursor.takes('...') ? { kind: 'spread', of: expression(cursor), line: at } : expression(cursor));
  });
  return { kind: 'array', items, line };
}

/** @param nested takes a nested resource if one is there */
export function object(cursor: Cursor, nested = NOTHING_NESTED): Expression & { readonly kind: 'object' } {
  const { line } = cursor.expect('{');
  const properties: Property[] = [];
  const spreads: Expression[] = [];
  parted(cursor, '}', () => {
    if (nested(cursor)) return;
    if (cursor.takes('...')) spreads.push(expression(cursor));
    else properties.push(property(cursor));
  });
  const names = properties.map(({ name }) => name);
  const twice = properties.find(({ name }, index) => name !== undefined && names.indexOf(name) !== index);
  if (twice !== undefined) throw new BicepSyntaxError(twice.line, `${twice.name ?? ''} is there twice`);
  return { kind: 'object', properties, spreads, line };
}

function property(cursor: Cursor): Property {
  const token = cursor.peek();
  const { line } = token;
  const key = token.kind === 'string' ? interpolated(cursor.next()) : undefined;
  const name = key === undefined ? cursor.word('the name of a property') : key.kind === 'literal' && String(key.value);
  cursor.expect(':');
  const value = expression(cursor);
  if (typeof name === 'string') return { name, value, line };
  return { ...(key === undefined ? {} : { computed: key }), value, line };
}

export function isLoop(cursor: Cursor): boolean {
  return cursor.sees('[') && cursor.sees('for', cursor.peek(1).kind === 'line-end' ? 2 : 1);
}

/** @param body what is repeated; of a resource or a module an object, maybe under `if` */
export function loop(cursor: Cursor, body: (cursor: Cursor) => Expression = expression): Expression & { kind: 'for' } {
  const { line } = cursor.expect('[');
  cursor.lineEnds();
  cursor.expect('for');
  const pair = cursor.takes('(');
  const item = cursor.word('the name of an item');
  let index: string | undefined;
  if (pair) {
    cursor.expect(',');
    index = cursor.word('the name of an index');
    cursor.expect(')');
  }
  cursor.expect('in');
  const over = expression(cursor);
  cursor.expect(':');
  const condition = cursor.sees('if') ? guard(cursor) : undefined;
  const repeated = body(cursor);
  cursor.lineEnds();
  cursor.expect(']');
  return {
    kind: 'for',
    item,
    over,
    body: repeated,
    line,
    ...(index === undefined ? {} : { index }),
    ...(condition === undefined ? {} : { condition }),
  };
}

/** `if (…)` */
export function guard(cursor: Cursor): Expression {
  cursor.expect('if');
  return parenthesized(cursor);
}
