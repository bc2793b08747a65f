/** The reading of Bicep and the working out of it, on small texts. */
import { beforeAll, describe, expect, test } from 'vitest';
import { deploy } from './support/bicep/deploy.ts';
import { parseBicep } from './support/bicep/parse.ts';
import { project } from './support/bicep/project.ts';
import { written } from './support/bicep/walk.ts';
import type { Fields } from './support/bicep/values.ts';
import { secondOpinion, type SecondOpinion } from './support/second-opinion.ts';

/** An expression as it was understood, with what belongs together in one piece. */
function understood(text: string): string {
  return written(parseBicep(`var x = ${text}`).variables[0]?.value ?? { kind: 'array', items: [], line: 0 });
}

describe('an expression', () => {
  test.each([
    ["a.?b ?? c.d ?? 'e'", "a.b ?? c.d ?? 'e'"],
    ['[for (v, i) in vs: m[i].?outputs.id ?? null]', '[for v in vs: m[i].outputs.id ?? null]'],
    ["map(vs, v => v.name != '' && v.on)", "map(vs, (v) => v.name != '' && v.on)"],
    ['a\n  ? b\n  : c', 'a ? b : c'],
    ["'a${b.c}d${e('f')}'", "'a${b.c}d${e('f')}'"],
    ["'it\\'s \\${plain}'", "'it's ${plain}'"],
    ["'''\n${raw}'''", "'${raw}'"],
    ['!a && -1 < b', '!a && -1 < b'],
    ['guid(\n  a::b.id,\n  c\n)', 'guid(a::b.id, c)'],
    ['{ a: 1, b: [2, 3] }', '{a:1,b:[2,3]}'],
    ['{\n  a: 1 // one\n  /* two */\n  b: 2\n}', '{a:1,b:2}'],
    ['a![0]!.b', 'a[0].b'],
    ['{ ...a, b: 1 }', '{b:1}'],
  ])('%j is %s', (text, meaning) => {
    expect(understood(text)).toBe(meaning);
  });

  test('groups as the compiler does', () => {
    const [first, second] = parseBicep('var x = a ?? b.c\nvar y = a || b && c == d + e * f').variables;
    expect(first?.value).toMatchObject({ kind: 'binary', operator: '??', right: { kind: 'member', name: 'c' } });
    expect(second?.value).toMatchObject({ operator: '||', right: { operator: '&&', right: { operator: '==' } } });
  });
});

describe('a mistake', () => {
  let reads: SecondOpinion;
  beforeAll(async () => {
    reads = await secondOpinion();
  });

  test.each([
    ['var x = {\n  a: 1,\n  b: 2\n}', 2, 'an item after the comma'],
    ['var x = a\n  && b', 2, "'&&' begins no declaration"],
    ["var x = 'abc\nvar y = 1", 1, 'does not end on its line'],
    ['var x = f(a,)', 1, 'an argument'],
    ['param x', 1, "'(' is expected"],
    ["resource x 'A.B/c@1' = 3", 1, "'{' is expected"],
    ['var x = { a: 1 a: 2 }', 1, "a line end, ',' or '}'"],
    ['var x = { a: 1, a: 2 }', 1, 'a is there twice'],
    ['outptu x string = 1', 1, "'outptu' begins no declaration"],
    ["var x = 'a\\qb'", 1, '\\q is no escape'],
    ['var x = [for a b: c]', 1, "'in' is expected"],
    ["var x = '${a'", 1, 'a string does not end'],
  ])('in %j is found on line %i', (text, line, message) => {
    expect(project(new Map([['a.bicep', text]])).mistakes).toEqual([expect.stringContaining(`a.bicep:${line}: `)]);
    expect(project(new Map([['a.bicep', text]])).mistakes[0]).toContain(message);
  });

  test('is found by the published grammar, too, and nothing in good text', () => {
    expect(reads('a.bicep', "resource x 'A.B/c@1' = {\n  name 'a'\n}\n")).toEqual([
      expect.stringMatching(/^a\.bicep:\d: /),
    ]);
    expect(reads('a.bicep', "resource x 'A.B/c@1' = {\n  name: 'a'\n}\n")).toEqual([]);
    expect(reads('a.bicepparam', "using 'a.bicep'\n\nparam x = 1\n")).toEqual([]);
    expect(reads('a.bicepparam', "using 'a.bicep'\n\nparam x = = 1\n")).toHaveLength(1);
  });
});

describe('a file', () => {
  const file = parseBicep(`targetScope = 'subscription'
import { aType, b as c } from 'types.bicep'
import * as all from 'more.bicep'
@description('A.')
@minLength(3)
param a ('x' | 'y')[] = []
param b all.bType?
type t = {
  @description('N.')
  n: int
  *: string
}
func f(p string, q int) string => '\${p}\${q}'
resource r 'A.B/c@2020-01-01' = if (true) {
  name: 'r'
  resource inner 'd' existing = {
    name: 'i'
  }
}
module m 'm.bicep' = [
  for (v, i) in a: if (v != 'x') {
    params: {}
  }
]
output o string? = r.id
`);

  test('has its declarations with their types and decorators', () => {
    const { targetScope, imports, parameters, types, functions, outputs } = file;
    expect(targetScope).toBe('subscription');
    expect(imports).toMatchObject([{ names: [{ name: 'aType' }, { name: 'b', as: 'c' }] }, { all: 'all' }]);
    expect(parameters).toMatchObject([
      {
        name: 'a',
        type: { kind: 'array', of: { kind: 'union' } },
        decorators: [{ name: 'description' }, { name: 'minLength' }],
      },
      { name: 'b', type: { kind: 'nullable', of: { kind: 'member', name: 'bType' } } },
    ]);
    expect(types).toMatchObject([{ type: { properties: [{ name: 'n' }], rest: { name: 'string' } } }]);
    expect(functions).toMatchObject([{ name: 'f', parameters: [{ name: 'p' }, { name: 'q' }] }]);
    expect(outputs).toMatchObject([{ name: 'o', type: { kind: 'nullable' } }]);
  });

  test('has resources, nested ones after the one around them, and modules with loop and condition', () => {
    expect(file.resources).toMatchObject([
      { name: 'r', type: 'A.B/c', existing: false, condition: { value: true } },
      { name: 'inner', type: 'A.B/c/d', version: '2020-01-01', existing: true, inside: 'r' },
    ]);
    expect(file.modules).toMatchObject([{ name: 'm', loop: { item: 'v', index: 'i' }, condition: { operator: '!=' } }]);
  });
});

describe('what would be deployed', () => {
  const outputsOf = (text: string, params: Fields = {}) =>
    deploy(
      project(
        new Map([
          ['main.bicep', text],
          ['data.json', '{"a":{"b":1}}'],
        ]),
      ),
      'main.bicep',
      params,
    );

  test.each([
    ["toLower('A${1 + 2 * 3}')", 'a7'],
    ["take(replace('a-b-c', '-', ''), 2)", 'ab'],
    ['union({ a: { b: 1 } }, { a: { c: 2 } })', { a: { b: 1, c: 2 } }],
    ["union(['a'], ['b', 'b', 'a'])", ['a', 'b']],
    ["join(map(filter(['a', 'b'], x => x != 'a'), x => '${x}!'), ',')", 'b!'],
    ["loadJsonContent('data.json').a.b", 1],
    ['[for (x, i) in [5, 6]: x + i]', [5, 7]],
    ["toObject([{ n: 'a' }], x => x.n, x => true)", { a: true }],
    ["split('/a/b', '/')[2]", 'b'],
    ['length(uniqueString(subscription().id))', 13],
    ["contains(['a'], 'a') ? 1 : 2", 1],
    ["format('{0}-{1}', 'a', 1)", 'a-1'],
    ['{ a: 1 }.?b ?? 2', 2],
    ["first(skip(['a', 'b'], 1))", 'b'],
    ['reduce([1, 2, 3], 0, (sum, x) => sum + x)', 6],
    ["subscriptionResourceId('A.B/c', 'd')", '/subscriptions/00000000-0000-0000-0000-000000000001/providers/A.B/c/d'],
    ["resourceGroup('other', 'rg').id", '/subscriptions/other/resourceGroups/rg'],
  ])('%s is %j', (expression, value) => {
    const { outputs, problems } = outputsOf(`targetScope = 'subscription'\noutput x object = ${expression}\n`);
    expect(problems).toEqual([]);
    expect(outputs['x']).toEqual(value);
  });

  test('has nothing whose condition is false, and reading of it is a mistake, save by .?', () => {
    const text = (read: string) => `targetScope = 'subscription'
resource g 'Microsoft.Resources/resourceGroups@2025-04-01' = if (false) {
  name: 'rg'
}
output a string = ${read}
`;
    expect(outputsOf(text('g.id')).resources).toEqual([]);
    expect(outputsOf(text('g.id')).problems).toEqual([]);
    expect(outputsOf(text("g.?properties.?x ?? 'none'")).outputs).toEqual({ a: 'none' });
    expect(outputsOf(text('g.properties.x')).problems).toEqual([
      'main.bicep:5: reads x of g, which is not deployed here',
    ]);
  });

  test.each([
    [{ v: [{ name: 'ab' }] }, 'v[0].name is shorter than 3'],
    [{ v: [{ name: 'abc', mode: 'other' }] }, "v[0].mode is 'other', which none of 2 types takes"],
    [{ v: [{ name: 'abc', extra: 1 }] }, 'v[0] has extra, which its type does not know'],
    [{ v: [{}] }, 'v[0] has no name'],
    [{ v: 'x' }, "v is 'x', which is not of its type"],
  ])('is refused parameters like %j', (params, problem) => {
    const text =
      "targetScope = 'subscription'\ntype vType = {\n  @minLength(3)\n  name: string\n  mode: ('new' | 'old')?\n}\nparam v vType[]\n";
    expect(outputsOf(text, params as Fields).problems).toEqual([`main.bicep:7: ${problem}`]);
  });
});
