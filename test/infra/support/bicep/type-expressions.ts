import { expression, interpolated, parted } from './expressions.ts';
import type { Decorator, TypeNode, TypeProperty } from './syntax.ts';
import type { Cursor } from './tokens.ts';

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** A type as it is written of a parameter, an output or a type. */
export function typeExpression(cursor: Cursor): TypeNode {
  const { line } = cursor;
  cursor.takes('|');
  const members = [nullable(cursor)];
  for (;;) {
    const onNextLine = cursor.peek().kind === 'line-end' && cursor.sees('|', 1);
    if (onNextLine) cursor.lineEnds();
    if (!cursor.takes('|')) break;
    members.push(nullable(cursor));
  }
  const [only] = members;
  return members.length === 1 && only !== undefined ? only : { kind: 'union', members, line };
}

function nullable(cursor: Cursor): TypeNode {
  const { line } = cursor;
  const of = member(cursor);
  return cursor.takes('?') ? { kind: 'nullable', of, line } : of;
}

function member(cursor: Cursor): TypeNode {
  let of = primary(cursor);
  for (;;) {
    const { line } = cursor;
    if (cursor.takes('[')) {
      if (cursor.takes('*')) of = { kind: 'member', of, name: '*', line };
      else if (!cursor.sees(']')) cursor.fail("']'");
      else of = { kind: 'array', of, line };
      cursor.expect(']');
    } else if (cursor.takes('.')) {
      of = { kind: 'member', of, name: cursor.takes('*') ? '*' : cursor.word('the name of a type'), line };
    } else return of;
  }
}

function primary(cursor: Cursor): TypeNode {
  const { kind, text, line } = cursor.peek();
  if (kind === 'string') {
    const value = interpolated(cursor.next());
    return value.kind === 'literal' ? { kind: 'literal', value: value.value, line } : cursor.fail('a literal');
  }
  if (kind === 'number' || text === '-') {
    const sign = cursor.takes('-') ? -1 : 1;
    return { kind: 'literal', value: sign * Number(cursor.next().text), line };
  }
  if (kind === 'word') return named(cursor);
  if (text === '{') return objectType(cursor);
  if (text === '[') return tuple(cursor);
  cursor.expect('(');
  const inner = typeExpression(cursor);
  cursor.expect(')');
  return inner;
}

function named(cursor: Cursor): TypeNode {
  const { text: name, line } = cursor.next();
  const constant = CONSTANTS.get(name);
  if (constant !== undefined) return { kind: 'literal', value: constant, line };
  if (!cursor.takes('<')) return { kind: 'named', name, line };
  parted(cursor, '>', () => void expression(cursor));
  return { kind: 'generic', name, line };
}

function tuple(cursor: Cursor): TypeNode {
  const { line } = cursor.expect('[');
  const items: TypeNode[] = [];
  parted(cursor, ']', () => {
    decorators(cursor);
    items.push(typeExpression(cursor));
  });
  return { kind: 'tuple', items, line };
}

function objectType(cursor: Cursor): TypeNode {
  const { line } = cursor.expect('{');
  const properties: TypeProperty[] = [];
  let rest: TypeNode | undefined;
  parted(cursor, '}', () => {
    const decorated = decorators(cursor);
    const at = cursor.line;
    const all = cursor.takes('*');
    const name = all ? '*' : cursor.peek().kind === 'string' ? cursor.next().text : cursor.word('a property');
    cursor.expect(':');
    const type = typeExpression(cursor);
    if (all) rest = type;
    else properties.push({ name, type, decorators: decorated, line: at });
  });
  return { kind: 'object', properties, line, ...(rest === undefined ? {} : { rest }) };
}

/** Each on a line of its own, or one after the other. */
export function decorators(cursor: Cursor): readonly Decorator[] {
  const found: Decorator[] = [];
  while (cursor.sees('@')) {
    const { line } = cursor.next();
    const called = expression(cursor);
    if (called.kind !== 'call') return cursor.fail('a decorator with its parentheses');
    found.push({ name: called.name, args: called.args, line });
    cursor.lineEnds();
  }
  return found;
}
