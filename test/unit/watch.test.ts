/** Alerts, workbook and docs/operations.md ask for what the app writes, and the app writes what they ask for. */
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import { LOG_EVENTS, logged, type LogEvent } from '../../src/rotation/log-events.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Kusto } from '../support/kusto.ts';
import { eventsOf, holds, pathsOf } from '../support/log-queries.ts';
import { Bench, days, error, OBJECT, TAGS, VAULT } from '../support/memory/bench.ts';

const FOLDER = 'infra/modules/watch';
const read = (path: string): string => readFileSync(path, 'utf8');
const kusto = new Kusto();

interface Item {
  readonly name: string;
  readonly content: { readonly query?: string };
}
const workbook = JSON.parse(read(`${FOLDER}/rotations.workbook.json`)) as { readonly items: readonly Item[] };
const files = new Map(globSync(`${FOLDER}/queries/*.kql`).map((path) => [basename(path, '.kql'), read(path)]));
const inWorkbook = new Map(
  workbook.items.flatMap(({ name, content }) => (content.query === undefined ? [] : [[name, content.query] as const])),
);
const all = [
  ...[...files].map(([name, query]) => [`${name}.kql`, query] as const),
  ...[...inWorkbook].map(([name, query]) => [`workbook: ${name}`, query] as const),
];

/** The alerts of a module: one `name: '…'` begins the next. */
const alertsOf = (module: string): readonly string[] =>
  (/^var rules = \[\n([\s\S]*?)^\]$/m.exec(read(`${FOLDER}/${module}.bicep`))?.[1] ?? '').split(/^ {2}\{$/m).slice(1);
const word = (alert: string, property: string): string =>
  new RegExp(`\\b${property}: (?:.*\\?\\? )?'?([^'\\n]+)'?$`, 'm').exec(alert)?.[1] ?? '';
const alerts = ['log-alerts', 'vault-alerts', 'topic-alerts', 'app-alerts'].flatMap(alertsOf);

describe('every query', () => {
  test('there are some, of both kinds', () => {
    expect([files.size, inWorkbook.size]).toEqual([11, 15]);
  });

  test.each(all)('%s is Kusto over tables and columns that there are', (_, query) => {
    expect(kusto.analyse(query).problems).toEqual([]);
  });

  test.each(all)('%s asks for events and fields that the app writes', (_, query) => {
    const events = eventsOf(query);
    if (!query.includes('AppTraces')) return;
    expect(events, 'one event a query').toHaveLength(1);
    const fields: readonly string[] = LOG_EVENTS[events[0] as LogEvent];
    const asked = pathsOf(query).map((path) => path.split(/\.|\[/)[0] ?? '');
    expect(asked.filter((field) => !fields.includes(field))).toEqual([]);
    expect(query, 'what is cheap comes first').toContain(`| where Message has '${events[0] ?? ''}'\n`);
  });
});

describe('every event', () => {
  const names = Object.keys(LOG_EVENTS) as readonly LogEvent[];
  const sources = globSync('src/**/*.ts').map(read).join('\n');

  test.each(names)('%s is written somewhere, and each of its fields is asked for', (name) => {
    expect(sources).toContain(`logged('${name}', `);
    const asking = all.filter(([, query]) => eventsOf(query).includes(name));
    const asked = new Set(asking.flatMap(([, query]) => pathsOf(query)).map((path) => path.split(/\.|\[/)[0]));
    expect(asked).toEqual(new Set(LOG_EVENTS[name]));
  });
});

describe('what is asked for inside a field is there', () => {
  const entries = async (): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const bench = new Bench();
    bench.seed({ object: { ...OBJECT, name: 'nobodys' }, tags: {}, expiresOn: days(3) });
    await sweep(bench.engine);
    bench.calls.fail('rotator.set', error('THROTTLED', { remedy: 'wait' }));
    await bench.deliver(bench.message());
    bench.seed({ object: { ...OBJECT, name: 'wrong' }, tags: { ...TAGS, OverlapHours: 'many' } });
    await bench.deliver({ object: { ...OBJECT, name: 'wrong' }, trigger: 'sweep' });
    const completed = logged('sweep.completed', await sweep(bench.engine));
    bench.consumers.put('site', { version: 'v1' });
    await handlePropagate(bench.engine, { object: OBJECT, version: bench.version });
    const lines = bench.logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    return [...lines, completed];
  };

  test.each(all.filter(([, query]) => pathsOf(query).some((path) => /\.|\[/.test(path))))('%s', async (_, query) => {
    const written = (await entries()).filter((entry) => entry['event'] === eventsOf(query)[0]);
    const inside = pathsOf(query).filter((path) => /\.|\[/.test(path) && path !== 'failure.remedy');
    const whole = written.filter((entry) => inside.every((path) => holds(entry, path)));
    expect(whole, JSON.stringify(written)).not.toEqual([]);
  });
});

describe('every alert', () => {
  test('has a name of its own', () => {
    const names = alerts.map((alert) => word(alert, 'name'));
    expect(names).toHaveLength(20);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(alertsOf('log-alerts').map((alert) => [word(alert, 'name'), alert] as const))(
    '%s measures and splits by columns that its query has',
    (name, alert) => {
      expect(alert).toContain(`loadTextContent('queries/${name}.kql')`);
      const { columns } = kusto.analyse(files.get(name) ?? '');
      const dimensions = [...(/dimensions: \[(.*)\]/.exec(alert)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(
        ([, one]) => one,
      );
      const asked = [word(alert, 'measure'), ...dimensions];
      expect(asked.filter((column) => !columns.includes(column ?? ''))).toEqual([]);
    },
  );

  test('about silence counts one app, by a name that stands in its query', () => {
    const [, written = ''] =
      /replace\(loadTextContent\([^)]*\), '(.*?[^\\])',/.exec(read(`${FOLDER}/log-alerts.bicep`)) ?? [];
    expect(written).not.toBe('');
    const query = files.get('sweep-silent') ?? '';
    expect(query.split(written.replaceAll('\\', ''))).toHaveLength(2);
    expect(kusto.analyse(query.replace("let app = '';", "let app = 'func-keyturn';")).problems).toEqual([]);
  });

  test('every query of a file is of an alert', () => {
    expect([...files.keys()].sort()).toEqual(
      alertsOf('log-alerts')
        .map((alert) => word(alert, 'name'))
        .sort(),
    );
  });

  test('every severity and threshold of the settings is read by an alert', () => {
    const types = read(`${FOLDER}/types.bicep`);
    const declared = (type: string): readonly string[] =>
      [
        ...(new RegExp(`^type ${type} = \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(types)?.[1] ?? '').matchAll(
          /^ {2}(\w+): /gm,
        ),
      ].map(([, name = '']) => name);
    const modules = globSync(`${FOLDER}/*-alerts.bicep`).map(read).join('\n');
    for (const [group, type] of [
      ['severities', 'severitiesType'],
      ['thresholds', 'thresholdsType'],
    ] as const) {
      const used = [...modules.matchAll(new RegExp(`\\.\\?${group}\\.\\?(\\w+)`, 'g'))].map(([, name = '']) => name);
      expect(declared(type).length).toBeGreaterThan(5);
      expect(new Set(used)).toEqual(new Set(declared(type)));
    }
  });
});

describe('docs/operations.md', () => {
  const text = read('docs/operations.md');
  const section = (name: string): string => text.split(`\n### ${name}\n`)[1]?.split(/\n##+ /)[0] ?? '';
  const rows = [...text.matchAll(/^\| \[`([\w-]+)`\]\(#[\w-]+\) +\|.*$/gm)].map(
    ([row, name = '']) => [name, row] as const,
  );

  test('has a row and a section for every alert, and no other', () => {
    const names = alerts.map((alert) => word(alert, 'name'));
    expect(rows.map(([name]) => name).sort()).toEqual([...names].sort());
    expect(names.filter((name) => section(name).trim() === '')).toEqual([]);
  });

  test.each(alerts.map((alert) => [word(alert, 'name'), alert] as const))(
    'says how urgent %s is, and from where on',
    (name, alert) => {
      const cells = (rows.find(([one]) => one === name)?.[1] ?? '').split('|').map((cell) => cell.trim());
      // Those of topics share one severity, outside the list.
      expect(cells[3]).toBe(word(alert, 'severity') || '2');
      if (word(alert, 'threshold') !== '') expect(cells[4]).toMatch(new RegExp(`\\b${word(alert, 'threshold')}\\b`));
    },
  );

  test.each([...files])('has the query of %s, word for word', (name, query) => {
    expect(section(name)).toContain(`\`\`\`kusto\n${query}\`\`\``);
  });
});

describe('the checks themselves', () => {
  it('find a query that is no Kusto, a column that is not there, a table that is not there', () => {
    expect(kusto.analyse('AppTraces\n| wher Message == 1').problems.join()).toContain('line 2');
    expect(kusto.analyse("AppTraces | where Mesage has 'x'").problems.join()).toContain('Mesage');
    expect(kusto.analyse('AppTrace | count').problems.join()).toContain('AppTrace');
    expect(kusto.analyse('AppTraces | summarize n = count() by OperationName').columns).toEqual(['OperationName', 'n']);
  });

  it('find events and fields, also of what was expanded, and not in comments', () => {
    const query =
      "// entry.no\nT | where entry.event == 'a.b' | mv-expand run = entry.blocked | project run.object, entry.failure.code";
    expect(eventsOf(query)).toEqual(['a.b']);
    expect(pathsOf(query)).toEqual(['blocked', 'failure.code', 'blocked[].object']);
    expect(holds({ blocked: [{ object: VAULT }] }, 'blocked[].object')).toBe(true);
    expect(holds({ blocked: [] }, 'blocked[].object')).toBe(false);
    expect(holds({ failure: {} }, 'failure.code')).toBe(false);
  });
});
