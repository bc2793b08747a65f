/**
 * Writes the lines into docs/security-checklist.md: `infra/….bicep:36` (`what is there`). `node build/checklist-lines.ts`; a test fails
 * while they are behind.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';

const ROOT = resolve(import.meta.dirname, '..');
export const CHECKLIST = 'docs/security-checklist.md';

/** Words that only a comment, a description or an import has say nothing about what is deployed. */
const ASIDE = /^\s*(?:\/\/|@description|@export|import |metadata )/;

/** The line of the first thing called so, else of the first mention; undefined where it is nowhere but aside. */
export function lineOf(text: string, word: string): number | undefined {
  const lines = text.split('\n').map((line) => (ASIDE.test(line) ? '' : line));
  const named = lines.findIndex((line) => line.trim() === `name: '${word}'`);
  const first = named < 0 ? lines.findIndex((line) => line.includes(word)) : named;
  return first < 0 ? undefined : first + 1;
}

/** Each reference to infra/ with a word gets its own line; what follows in brackets of the same file becomes a reference of its own. */
export async function withLines(markdown: string): Promise<string> {
  const files = new Map<string, string>();
  for (const [, file = ''] of markdown.matchAll(/`(infra\/[\w./-]+)(?::\d+)?` \(`/g)) {
    if (!files.has(file)) files.set(file, await readFile(join(ROOT, file), 'utf8'));
  }
  const lined = markdown.replaceAll(
    /`(infra\/[\w./-]+)(?::\d+)?`((?:,? \(`[^`]+`\))+)/g,
    (_, file: string, words: string) =>
      [...words.matchAll(/`([^`]+)`/g)]
        .map(([, word = '']) => {
          const line = lineOf(files.get(file) ?? '', word);
          return `\`${file}${line === undefined ? '' : `:${line}`}\` (\`${word}\`)`;
        })
        .join(', '),
  );
  return format(lined, { ...(await resolveConfig(join(ROOT, CHECKLIST))), parser: 'markdown' });
}

if (process.argv[1] === import.meta.filename) {
  const path = join(ROOT, CHECKLIST);
  await writeFile(path, await withLines(await readFile(path, 'utf8')));
}
