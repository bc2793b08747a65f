/** docs/security.md and docs/security-checklist.md name files, words and tests that there are. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lineOf, withLines } from '../../build/checklist-lines.ts';

const THREATS = 'docs/security.md';
const CHECKLIST = 'docs/security-checklist.md';
const read = (path: string): string => readFileSync(path, 'utf8');

interface Reference {
  readonly file: string;
  /** What must be in it. */
  readonly words: readonly string[];
}

/** `file` alone, `file` (`word`), (`word`), and for tests `file` "name of a test". */
function referencesIn(text: string): readonly Reference[] {
  const flat = text.replaceAll(/\s+/g, ' ');
  return [
    ...flat.matchAll(/`((?:src|infra|docs|test|\.github)\/[\w./-]+)(?::\d+)?`((?:,? \(`[^`]+`\))*)(?: "([^"]+)")?/g),
  ].map(([, file = '', words = '', name]) => ({
    file,
    words: [...[...words.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word), ...(name === undefined ? [] : [name])],
  }));
}

/** What a reference says and is not so. */
function untrue({ file, words }: Reference): readonly string[] {
  if (!existsSync(file)) return [`${file} is not there`];
  const text = read(file);
  return words.filter((word) => !text.includes(word)).map((word) => `${file} has no ${word}`);
}

/** The cells of the tables, without their heads. */
const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter(
      (line, index, lines) => line.startsWith('|') && !line.startsWith('| -') && !lines[index + 1]?.startsWith('| -'),
    )
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe.each([THREATS, CHECKLIST])('%s', (path) => {
  const references = referencesIn(read(path));

  test('names files, words and tests', () => expect(references.length).toBeGreaterThan(40));

  test('names only what is there', () => {
    expect(references.flatMap(untrue)).toEqual([]);
  });
});

test('every threat that has a control has its file and its test', () => {
  const threats = rowsOf(read(THREATS)).filter((cells) => cells.length === 4);
  expect(threats.length).toBeGreaterThan(25);
  const without = threats.filter(([, , control = '', tests = '']) => {
    const named = referencesIn(tests);
    return referencesIn(control).length === 0 || named.length === 0 || named.some(({ words }) => words.length === 0);
  });
  expect(without.map(([what]) => what)).toEqual([]);
});

test('the checklist names the lines of infra/ as they are (else: node build/checklist-lines.ts)', async () => {
  const text = read(CHECKLIST);
  expect(text).toBe(await withLines(text));
  expect([...text.matchAll(/`infra\/[\w./-]+:\d+` \(`/g)].length).toBeGreaterThan(60);
  expect([...text.matchAll(/`infra\/[\w./-]+` \(`[^`]+`\)/g)].map(([one]) => one)).toEqual([]);
});

test('a line is that of what is called so, and not of a comment', () => {
  expect(lineOf("// x\nvar y = 'x'\n  name: 'x'\n", 'x')).toBe(3);
  expect(lineOf("@description('x')\nparam x string\n", 'x')).toBe(2);
  expect(lineOf('// x\n', 'x')).toBeUndefined();
});

test('every point of the checklist has a file, or a reason', () => {
  const points = rowsOf(read(CHECKLIST)).map((cells) => [cells[0] ?? '', cells.at(-1) ?? ''] as const);
  expect(points.length).toBeGreaterThan(60);
  const without = points.filter(([, so]) => referencesIn(so).length === 0 && so.split(' ').length < 2);
  expect(without).toEqual([]);
});

test('every alert and every policy of the infrastructure is in the checklist', () => {
  const text = read(CHECKLIST);
  const names = ['log', 'vault', 'topic', 'app'].flatMap((kind) =>
    [...read(`infra/modules/watch/${kind}-alerts.bicep`).matchAll(/^ {4}name: '([\w-]+)'$/gm)].map(
      ([, name = '']) => name,
    ),
  );
  const policies = [...read('infra/modules/governance.bicep').matchAll(/definition: '([\w-]+)'/g)].map(
    ([, id = '']) => id,
  );
  expect([names.length, policies.length]).toEqual([20, 8]);
  expect([...names, ...policies].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

describe('the checks themselves', () => {
  test('find a file that is not there, a word that is not in it, a test that is not', () => {
    const text =
      '`src/no.ts`, `src/main.ts` (`createApp`), (`nothing like it`); `test/unit/http.test.ts` "no such test"';
    expect(referencesIn(text).flatMap(untrue)).toEqual([
      'src/no.ts is not there',
      'src/main.ts has no nothing like it',
      'test/unit/http.test.ts has no no such test',
    ]);
  });
});
