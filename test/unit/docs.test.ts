/** The documents name only what exists: files, headings, scripts, error codes, routes. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/rotation/errors.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const documents = globSync('**/*.md', {
  exclude: (path) => /^(?:node_modules|package|coverage|dist)$/.test(path),
});
/** Without fenced and indented code, where brackets are no links. */
const prose = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/^ {4}.*$/gm, '');
const headings = (text: string): readonly string[] =>
  [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, title = '']) => title);
/** As GitHub makes them. */
const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

/** Links of a document that lead nowhere. */
function brokenLinks(path: string, text: string): readonly string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [file = '', fragment] = target.split('#');
      const meant = file === '' ? path : join(dirname(path), file);
      if (!existsSync(meant)) return true;
      return fragment !== undefined && !headings(read(meant)).map(anchor).includes(fragment);
    });
}

/** `npm run x`, `npm test` and the like that package.json does not have. */
function unknownScripts(text: string, scripts: readonly string[]): readonly string[] {
  const run = [...text.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map(([, name = '']) => name);
  const short = [...text.matchAll(/\bnpm (test|start)\b/g)].map(([, name = '']) => name);
  return [...run, ...short].filter((name) => !scripts.includes(name));
}

/** `POST /api/rotations` and the like, as the functions register them: `POST rotations`. */
function routesIn(text: string): readonly string[] {
  const named = text.matchAll(/\b(GET|POST|PUT|PATCH|DELETE) \/api\/([\w/{}<>-]*)/g);
  const curled = text.matchAll(/^ *curl\b.*\$KEYTURN\/api\/.*$/gm);
  return [
    ...[...named].map(([, method = '', path = '']) => `${method} ${asRoute(path)}`),
    ...[...curled].map(([line]) => {
      const method = /-X (\w+)/.exec(line)?.[1] ?? (/ -d\b/.test(line) ? 'POST' : 'GET');
      return `${method} ${asRoute(/\$KEYTURN\/api\/([^\s?"']*)/.exec(line)?.[1] ?? '')}`;
    }),
  ];
}

/** The one kind of route that takes a value is a run's: whatever stands there is its id. */
function asRoute(path: string): string {
  const [first = '', second = '', ...rest] = path.replace(/[-/]+$/, '').split('/');
  return second === '' ? first : [first, '{id}', ...rest].join('/');
}

const registered = globSync('src/functions/*.ts').flatMap((path) =>
  [...read(path).matchAll(/method: '(\w+)',\s*route: '([^']+)'/g)].map(([, method, route]) => `${method} ${route}`),
);

describe('every document', () => {
  test('there are some', () => {
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', join('docs', 'runbook.md')]));
    expect(registered.length).toBeGreaterThan(5);
  });

  test.each(documents)('%s: its links lead somewhere', (path) => {
    expect(brokenLinks(path, read(path))).toEqual([]);
  });

  test.each(documents)('%s: its scripts exist', (path) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(unknownScripts(read(path), Object.keys(scripts))).toEqual([]);
  });

  test.each(documents)('%s: its requests are registered', (path) => {
    expect(routesIn(read(path)).filter((route) => !registered.includes(route))).toEqual([]);
  });

  // The CLI drops a column called id from a table: the version that the command is there to find would not be shown.
  test.each(documents)('%s: its tables of the CLI show what they are asked for', (path) => {
    const tables = read(path)
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .filter((line) => /^\s*az .*(?:--output|-o) table/.test(line));
    expect(tables.filter((line) => /[{,]\s*id:/.test(line))).toEqual([]);
  });

  test('where a section of the runbook is named, it is there', () => {
    const sections = headings(read('docs/runbook.md'));
    const named = [...documents, ...globSync('src/**/*.ts')].flatMap((path) =>
      [...read(path).matchAll(/docs\/runbook\.md\)?, "([^"]+)"/g)].map(([, title = '']) => title),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((title) => !sections.includes(title))).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  test('lists every error code, once, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, code = '']) => code);
    expect(rows.sort()).toEqual([...ERROR_CODES].sort());
  });
});

describe('README.md and the runbook', () => {
  test('name every request that there is', () => {
    expect(new Set(routesIn(read('README.md')))).toEqual(new Set(registered));
    expect(new Set(routesIn(read('docs/runbook.md')))).toEqual(new Set(registered));
  });
});

describe('the checker itself', () => {
  test('finds dead links, scripts and routes', () => {
    expect(brokenLinks('README.md', '[a](nowhere.md) [b](docs/errors.md) [c](https://example.com)')).toEqual([
      'nowhere.md',
    ]);
    expect(brokenLinks('README.md', '[a](docs/errors.md#no-such) [b](docs/errors.md#error-codes)')).toEqual([
      'docs/errors.md#no-such',
    ]);
    expect(unknownScripts('npm run demo, npm run nope, npm test', ['demo', 'test'])).toEqual(['nope']);
    const text = 'GET /api/nope/{id}\n    curl -s -H "$K" -d \'{}\' $KEYTURN/api/rotations\n';
    expect(routesIn(text)).toEqual(['GET nope/{id}', 'POST rotations']);
  });
});
