/**
 * Reads a `.bicep` or `.bicepparam` file. Written from the compiler's own parser (Azure/bicep, src/Bicep.Core/Parsing), because
 * no compiler can be installed where these tests run, and because the published grammar that can be (see second-opinion.ts)
 * groups operators wrongly: `a ?? b.c` there is `(a ?? b).c`.
 */
import { expression, guard, isLoop, loop, object } from './expressions.ts';
import type * as S from './syntax.ts';
import { BicepSyntaxError, Cursor, tokenize } from './tokens.ts';
import { decorators, typeExpression } from './type-expressions.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };
interface Place {
  readonly file: Writable<S.BicepFile>;
  readonly cursor: Cursor;
  readonly decorators: readonly S.Decorator[];
}

/** @throws BicepSyntaxError with the line of the first mistake */
export function parseBicep(text: string): S.BicepFile {
  const file: Writable<S.BicepFile> = {
    targetScope: 'resourceGroup',
    ...{ imports: [], parameters: [], variables: [], types: [], functions: [] },
    ...{ resources: [], modules: [], outputs: [], assigned: [] },
  };
  const cursor = new Cursor(tokenize(text));
  for (;;) {
    cursor.lineEnds();
    if (cursor.peek().kind === 'end') return file;
    const decorated = decorators(cursor);
    const { line, text: keyword } = cursor.peek();
    const declare = DECLARATIONS[keyword];
    if (declare === undefined) throw new BicepSyntaxError(line, `'${keyword}' begins no declaration`);
    cursor.next();
    declare({ file, cursor, decorators: decorated }, line);
    cursor.endOfDeclaration();
  }
}

const DECLARATIONS: Readonly<Record<string, (place: Place, line: number) => void>> = {
  targetScope({ file, cursor }) {
    cursor.expect('=');
    file.targetScope = cursor.string('a scope').text;
  },
  metadata({ cursor }) {
    cursor.word('a name');
    cursor.expect('=');
    expression(cursor);
  },
  using({ file, cursor }) {
    file.using = cursor.takes('none') ? 'none' : cursor.string('the path of a Bicep file').text;
  },
  import({ file, cursor }, line) {
    file.imports.push(importation(cursor, line));
  },
  param(place, line) {
    const { file, cursor, decorators: decorated } = place;
    const name = cursor.word('the name of a parameter');
    if (cursor.takes('=')) {
      file.assigned.push({ name, value: expression(cursor), decorators: decorated, line });
      return;
    }
    const type = typeExpression(cursor);
    const fallback = cursor.takes('=') ? { default: expression(cursor) } : {};
    file.parameters.push({ name, type, decorators: decorated, line, ...fallback });
  },
  var({ file, cursor, decorators: decorated }, line) {
    const name = cursor.word('the name of a variable');
    if (!cursor.sees('=')) typeExpression(cursor);
    cursor.expect('=');
    file.variables.push({ name, value: expression(cursor), decorators: decorated, line });
  },
  type({ file, cursor, decorators: decorated }, line) {
    const name = cursor.word('the name of a type');
    cursor.expect('=');
    file.types.push({ name, type: typeExpression(cursor), decorators: decorated, line });
  },
  func({ file, cursor, decorators: decorated }, line) {
    const name = cursor.word('the name of a function');
    const parameters = typedNames(cursor);
    const returns = typeExpression(cursor);
    cursor.expect('=>');
    cursor.lineEnds();
    file.functions.push({ name, parameters, returns, body: expression(cursor), decorators: decorated, line });
  },
  output({ file, cursor, decorators: decorated }, line) {
    const name = cursor.word('the name of an output');
    const type = typeExpression(cursor);
    cursor.expect('=');
    file.outputs.push({ name, type, value: expression(cursor), decorators: decorated, line });
  },
  resource(place, line) {
    resource(place, line);
  },
  module({ file, cursor, decorators: decorated }, line) {
    const name = cursor.word('the name of a module');
    const path = cursor.string('the path of a module').text;
    cursor.expect('=');
    file.modules.push({ name, path, decorators: decorated, line, ...body(cursor, (inner) => object(inner)) });
  },
};

function importation(cursor: Cursor, line: number): S.Import {
  const names: { name: string; as: string }[] = [];
  let all: string | undefined;
  if (cursor.takes('*')) {
    cursor.expect('as');
    all = cursor.word('a name for everything');
  } else {
    cursor.expect('{');
    cursor.lineEnds();
    while (!cursor.takes('}')) {
      const name = cursor.word('what is imported');
      names.push({ name, as: cursor.takes('as') ? cursor.word('its name here') : name });
      cursor.takes(',');
      cursor.lineEnds();
    }
  }
  cursor.expect('from');
  return { from: cursor.string('a path').text, names, line, ...(all === undefined ? {} : { all }) };
}

function typedNames(cursor: Cursor): readonly { readonly name: string; readonly type: S.TypeNode }[] {
  const found: { name: string; type: S.TypeNode }[] = [];
  cursor.expect('(');
  cursor.lineEnds();
  while (!cursor.takes(')')) {
    found.push({ name: cursor.word('the name of a parameter'), type: typeExpression(cursor) });
    if (cursor.takes(',') || cursor.peek().kind === 'line-end') cursor.lineEnds();
    else if (!cursor.sees(')')) cursor.fail("',' or ')'");
  }
  return found;
}

function resource(place: Place, line: number, around?: S.Resource): void {
  const { file, cursor, decorators: decorated } = place;
  const name = cursor.word('the name of a resource');
  const written = cursor.string('the type of a resource');
  const [typed = '', version = ''] = written.text.split('@');
  const existing = cursor.takes('existing');
  cursor.expect('=');
  if (cursor.peek().kind === 'line-end' && cursor.sees('if', 1)) cursor.lineEnds();
  // The place of the outer one is kept, so that it comes before what is in it.
  const at = file.resources.length;
  const known = {
    type: around === undefined ? typed : `${around.type}/${typed}`,
    version: version === '' ? (around?.version ?? '') : version,
  };
  const head = { name, ...known, existing, decorators: decorated, line };
  const inside = around === undefined ? {} : { inside: around.name };
  const outer: S.Resource = { ...head, body: { kind: 'object', properties: [], spreads: [], line } };
  const parts = body(cursor, (inner) => object(inner, (candidate) => nested(file, candidate, outer)));
  file.resources.splice(at, 0, { ...head, ...inside, ...parts });
}

function nested(file: Place['file'], cursor: Cursor, around: S.Resource): boolean {
  if (!cursor.sees('@') && !(cursor.sees('resource') && cursor.peek(1).kind === 'word')) return false;
  const decorated = decorators(cursor);
  const { line } = cursor.expect('resource');
  resource({ file, cursor, decorators: decorated }, line, around);
  return true;
}

type Body = Pick<S.Resource, 'body' | 'loop' | 'condition'>;

function body(cursor: Cursor, one: (cursor: Cursor) => S.Expression & { kind: 'object' }): Body {
  if (cursor.sees('if')) return { condition: guard(cursor), body: one(cursor) };
  if (!isLoop(cursor)) return { body: one(cursor) };
  let repeated: Body['body'] | undefined;
  const { condition, ...parsed } = loop(cursor, (inner) => (repeated = one(inner)));
  if (repeated === undefined) return cursor.fail('a body');
  const { item, index, over } = parsed;
  const repeats = { item, over, ...(index === undefined ? {} : { index }) };
  return { loop: repeats, body: repeated, ...(condition === undefined ? {} : { condition }) };
}
