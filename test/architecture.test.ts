/** The rules of docs and house style that a compiler does not check, read from the source itself. */
import { globSync, readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  directionProblems,
  forbidden,
  globalsOf,
  importsOf,
  kindBranches,
  lineCount,
  literalsOf,
  resolve,
  reveals,
  staticPackages,
  type Layer,
} from './support/source-rules.ts';

const PORTS = [
  ...['src/rotation/ports.ts', 'src/rotation/errors.ts', 'src/rotation/secret-value.ts'],
  // How it is declared, beside the code, what must be allowed.
  'src/azure/access.ts',
];
/** What the adapters of Azure's storage share with the engine: how a row is written, and what an object is called. */
const ROWS = ['src/rotation/record.ts', 'src/rotation/adoption/record.ts', 'src/rotation/ids.ts'];
/** The shapes of the Azure SDKs' errors. */
const AZURE_ERRORS = ['src/azure/remote.ts', 'src/azure/'];
/** One wire call to an Azure REST API, and its failures. */
const AZURE_REST = ['src/azure/rest.ts', 'src/azure/rest-errors.ts'];
/** The one client of Azure Resource Manager. */
const ARM = 'src/azure/arm/';
const TOKENS = '@azure/core-auth';
/** What the backing secret of a certificate holds. */
const X509 = 'src/x509/';

/** What the kinds of consumers share. */
const CONSUMER = [
  ...[
    'adapter',
    'app-service',
    'arm-id',
    'arm-lists',
    'container-apps',
    'json',
    'needs',
    'object-address',
    'silent',
  ].map((name) => `src/consumers/${name}.ts`),
];

/** The names that the code and the infrastructure share. */
const NAMES = 'src/names.json';

/** Dependency direction: functions → main → the rest; the rest never one another. */
const SRC_LAYERS: readonly Layer[] = [
  {
    files: ['src/functions/'],
    // Names of triggers and the level of endpoints are needed when the functions are indexed, long before main is loaded.
    may: ['src/main.ts', 'src/rotation/errors.ts', 'src/config/sign-in.ts', NAMES, '@azure/functions'],
  },
  {
    files: ['src/main.ts', 'src/access.ts', 'src/http.ts', 'src/http/', 'src/intake.ts', 'src/health.ts'],
    may: [
      ...['src/rotation/', 'src/rotators/', 'src/consumers/', 'src/channels/', 'src/vault/', 'src/state/'],
      ...['src/config/', 'src/azure/'],
      ...['node:crypto', TOKENS, '@azure/identity'],
    ],
  },
  { files: ['src/rotation/'], may: ['node:crypto', 'node:util'] },
  { files: ['src/azure/'], may: [...PORTS, TOKENS, '@azure/core-rest-pipeline'] },
  {
    files: ['src/vault/'],
    may: [
      ...PORTS,
      ...AZURE_ERRORS,
      X509,
      'node:crypto',
      TOKENS,
      '@azure/keyvault-secrets',
      '@azure/keyvault-keys',
      '@azure/keyvault-certificates',
      '@azure/core-rest-pipeline',
    ],
  },
  {
    files: ['src/state/'],
    may: [
      ...[...PORTS, ...ROWS, ...AZURE_ERRORS, NAMES, 'node:crypto', TOKENS],
      ...['@azure/data-tables', '@azure/storage-queue', '@azure/eventgrid', 'node:zlib'],
    ],
  },
  { files: ['src/x509/'], may: ['node:crypto', 'node-forge'] },
  { files: ['src/config/'], may: [...PORTS, NAMES] },
  {
    files: ['src/rotators/sql-server/'],
    may: [...PORTS, 'src/rotators/accounts/', 'node:crypto', 'node:tls', 'node:net', 'tedious'],
  },
  {
    files: ['src/rotators/postgres/'],
    may: [...PORTS, 'src/rotators/accounts/', 'node:crypto', 'node:util', 'node:tls', 'node:net', 'pg'],
  },
  // What the rotators of database accounts have in common: pairs, addresses, refusals in the same words.
  { files: ['src/rotators/accounts/'], may: PORTS },
  { files: ['src/consumers/key-users/'], may: [...PORTS, ARM, 'src/consumers/json.ts'] },
  {
    files: ['src/consumers/registry.ts', 'src/consumers/access.ts'],
    may: [...PORTS, ...AZURE_REST, ARM, 'src/consumers/'],
  },
  // How consumers are found, whatever their kind.
  {
    files: ['discovery', 'gaps', 'graph', 'patience'].map((name) => `src/consumers/${name}.ts`),
    may: [...PORTS, ...AZURE_REST, ...CONSUMER, ARM],
  },
  { files: CONSUMER, may: [...PORTS, ARM] },
  {
    files: ['src/consumers/application-gateway/'],
    may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/proof/', 'node:crypto'],
  },
  { files: ['src/consumers/app-configuration/'], may: [...PORTS, ...AZURE_REST, ...CONSUMER, ARM] },
  { files: ['src/consumers/app-service-reference/'], may: [...PORTS, ...CONSUMER, ARM] },
  { files: ['src/consumers/app-service-certificate/'], may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/proof/'] },
  { files: ['src/consumers/container-apps-certificate/'], may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/proof/'] },
  { files: ['src/consumers/container-apps-secret/'], may: [...PORTS, ...CONSUMER, ARM] },
  { files: ['src/consumers/front-door/'], may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/proof/'] },
  // What the kinds of consumers in API Management share.
  { files: ['src/consumers/api-management/'], may: [...PORTS, ...CONSUMER, ARM] },
  {
    files: ['src/consumers/api-management-host/'],
    may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/api-management/', 'src/consumers/proof/'],
  },
  {
    files: ['src/consumers/api-management-certificate/', 'src/consumers/api-management-named-value/'],
    may: ['src/consumers/adapter.ts', 'src/consumers/api-management/', 'src/consumers/proof/'],
  },
  { files: ['src/consumers/signalr-certificate/'], may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/proof/'] },
  {
    files: ['src/consumers/aks-secrets-store/'],
    may: [...PORTS, ...CONSUMER, ...AZURE_REST, ARM, 'node:crypto'],
  },
  { files: ['src/consumers/reported/'], may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/proof/'] },
  { files: ['src/consumers/vm-extension/'], may: [...PORTS, ...CONSUMER, ARM, 'src/consumers/proof/'] },
  // What is really served, seen from outside; every kind of consumer that serves a certificate is proven by it.
  { files: ['src/consumers/proof/'], may: [...PORTS, 'node:crypto', 'node:dns', 'node:net', 'node:tls'] },
  // People and systems that are told: as consumers of new versions, and of notices.
  { files: ['src/channels/'], may: [...PORTS, 'src/https/', 'node:crypto'] },
  { files: ['src/rotators/random/', 'src/rotators/manual/'], may: PORTS },
  // What the rotators share that compute a secret from another one. It reads the tags of that one.
  { files: ['src/rotators/sources/'], may: [...PORTS, 'src/rotation/tag.ts'] },
  // In the source's tags a pair may be named.
  { files: ['src/rotators/derived/'], may: [...PORTS, 'src/rotators/sources/', 'src/rotators/accounts/'] },
  {
    files: ['src/rotators/sas-token/'],
    may: [...PORTS, ...AZURE_REST, 'src/rotators/sources/', '@azure/storage-blob'],
  },
  // What the rotators of applications' credentials in Entra share: Graph, the log-in, and how a new one comes to be known.
  { files: ['src/rotators/entra/'], may: [...PORTS, ...AZURE_REST, TOKENS] },
  { files: ['src/rotators/entra-app-secret/'], may: [...PORTS, ...AZURE_REST, 'src/rotators/entra/', TOKENS] },
  {
    files: ['src/rotators/entra-app-certificate/'],
    may: [...PORTS, ...AZURE_REST, 'src/rotators/entra/', X509, 'node:crypto', TOKENS],
  },
  // What all share that speak HTTPS to hosts which only the settings know.
  { files: ['src/https/'], may: [...PORTS, 'node:crypto', 'node:dns', 'node:net', 'node:http', 'node:https'] },
  {
    files: ['src/rotators/http-api/'],
    may: [...PORTS, 'src/https/', 'docs/http-api.schema.json'],
  },
  { files: ['src/rotators/external/'], may: [...PORTS, 'src/https/'] },
  {
    files: ['src/rotators/mysql/'],
    may: [...PORTS, 'src/rotators/accounts/', 'node:crypto', 'node:tls', 'node:net', 'mysql2'],
  },
  {
    files: ['src/rotators/arm-key/'],
    may: [
      ...[...PORTS, ...AZURE_REST, ARM, 'node:crypto', 'node:tls', TOKENS],
      ...['@azure/core-rest-pipeline', '@azure/storage-blob'],
    ],
  },
];

/** Loaded with the entry file, because the platform's worker needs it there. */
const LOADED_AT_START = ['@azure/functions'];

/** The argument of an SDK's or driver's own call; the value formats, which put a password into a value; and the scrub. */
const REVEALING = [
  'src/channels/address.ts',
  'src/https/sign.ts',
  'src/rotation/session.ts',
  'src/rotation/value/value.ts',
  'src/rotators/arm-key/probes/app-configuration.ts',
  'src/rotators/arm-key/probes/cosmos.ts',
  'src/rotators/arm-key/probes/redis.ts',
  'src/rotators/arm-key/probes/registry.ts',
  'src/rotators/arm-key/probes/sas.ts',
  'src/rotators/arm-key/probes/search.ts',
  'src/rotators/arm-key/probes/storage.ts',
  'src/rotators/entra-app-certificate/holding.ts',
  'src/rotators/entra-app-secret/secret-hint.ts',
  'src/rotators/entra/log-in.ts',
  'src/rotators/external/value.ts',
  'src/rotators/http-api/requests.ts',
  'src/rotators/mysql/client.ts',
  'src/rotators/mysql/password.ts',
  'src/rotators/mysql/rotator.ts',
  'src/rotators/postgres/client.ts',
  'src/rotators/postgres/rotator.ts',
  'src/rotators/postgres/scram.ts',
  'src/rotators/sas-token/key.ts',
  'src/rotators/sas-token/prove.ts',
  'src/rotators/sas-token/sign.ts',
  'src/rotators/sql-server/client.ts',
  'src/rotators/sql-server/rotator.ts',
  'src/state/queues.ts',
  'src/state/table.ts',
  'src/vault/certificates.ts',
  'src/vault/key-vault.ts',
];

/** Files stay small enough to hold in the head; a suite may be a longer list of short cases. */
const MOST_LINES: readonly (readonly [pattern: string, most: number])[] = [
  ['src/rotation/ports.ts', 350], // every seam of the service on one page, half of it docstrings
  ['test/', 450],
  ['', 300],
];

const sources = (pattern: string): readonly (readonly [path: string, text: string])[] =>
  globSync(pattern)
    .map((path) => path.split(sep).join('/'))
    .sort()
    .map((path) => [path, readFileSync(path, 'utf8')]);

const src = sources('src/**/*.ts');
const sandbox = sources('sandbox/**/*.ts');
const everything = [...src, ...sandbox, ...sources('{test,bench,build}/**/*.ts')];
const problemsOf = (files: typeof src, rule: (path: string, text: string) => readonly string[]): readonly string[] =>
  files.flatMap(([path, text]) => rule(path, text));

describe('dependency direction', () => {
  test('there is something to look at', () => {
    expect(src.length).toBeGreaterThan(50);
    expect(sandbox.length).toBeGreaterThan(50);
  });

  test('functions → main → the rest, and the rest knows only the ports', () => {
    expect(problemsOf(src, (path, text) => directionProblems(path, text, SRC_LAYERS))).toEqual([]);
  });

  test('src and sandbox meet only over the wire', () => {
    const crossing = (own: string) => (path: string, text: string) =>
      importsOf(path, text)
        .map(({ specifier }) => resolve(path, specifier))
        .filter((target) => /^(?:src|sandbox|test|bench|build)\//.test(target) && !target.startsWith(own))
        .map((target) => `${path} imports ${target}`);
    expect([...problemsOf(src, crossing('src/')), ...problemsOf(sandbox, crossing('sandbox/'))]).toEqual([]);
  });

  test('nothing heavy is loaded before it is used', () => {
    const heavy = (path: string, text: string) =>
      staticPackages(path, text)
        .filter((name) => !LOADED_AT_START.includes(name))
        .map((name) => `${path} loads ${name} at the start`);
    expect(problemsOf(src, heavy)).toEqual([]);
  });
});

describe('one place each', () => {
  test('the environment is read by main and config, the clock and chance by main', () => {
    const stray = (path: string, text: string) =>
      globalsOf(path, text)
        .filter((name) => path !== 'src/main.ts' && !(name === 'process.env' && path.startsWith('src/config/')))
        .map((name) => `${path} uses ${name}`);
    expect(problemsOf(src, stray)).toEqual([]);
  });

  test('a secret leaves its wrapper only where it is handed over', () => {
    expect(src.filter(([path, text]) => reveals(path, text)).map(([path]) => path)).toEqual(REVEALING);
  });

  test('a rotator’s kind is named in its own folder only, and nothing branches on it', () => {
    const kinds = ['sql-server', 'storage-account'];
    const outside = src.filter(([path]) => !path.startsWith('src/rotators/'));
    const named = (path: string, text: string) =>
      literalsOf(path, text, [...kinds, 'postgres', 'mysql']).map((kind) => `${path} names ${kind}`);
    expect(problemsOf(outside, named)).toEqual([]);
    expect(problemsOf(outside, kindBranches)).toEqual([]);
  });
});

describe('habits', () => {
  test('no mocked modules, no skipped tests, no escape from the types, no swallowed errors', () => {
    expect(problemsOf(everything, forbidden)).toEqual([]);
  });

  test('files stay small', () => {
    const long = (path: string, text: string): readonly string[] => {
      const most = MOST_LINES.find(([pattern]) => path.startsWith(pattern))?.[1] ?? 0;
      return lineCount(text) > most ? [`${path} has ${lineCount(text)} lines; at most ${most}`] : [];
    };
    expect(problemsOf(everything, long)).toEqual([]);
  });
});

describe('the checker itself', () => {
  test.each([
    ["import pg from 'pg';", 'static'],
    ["import 'pg';", 'static'],
    ["import * as pg from 'pg';", 'static'],
    ["export { Client } from 'pg';", 'static'],
    ["export * from 'pg';", 'static'],
    ["import { type Client, Pool } from 'pg';", 'static'],
    ["import type { Client } from 'pg';", 'type'],
    ["import { type Client } from 'pg';", 'type'],
    ["export type { Client } from 'pg';", 'type'],
    ["let x: import('pg').Client;", 'type'],
    ["const pg = await import('pg');", 'dynamic'],
  ])('sees %s as %s', (text, form) => {
    expect(importsOf('src/a.ts', text)).toEqual([{ specifier: 'pg', form }]);
  });

  test.each([
    ['src/rotation/plan.ts', "import { X } from '../vault/key-vault.ts';"],
    ['src/rotation/plan.ts', "import type { X } from '@azure/data-tables';"],
    ['src/rotation/plan.ts', "const fs = await import('node:fs');"],
    ['src/rotation/plan.ts', 'const x = await import(name);'],
    ['src/rotators/postgres/rotator.ts', "import { X } from '../sql-server/client.ts';"],
    ['src/rotators/postgres/rotator.ts', "import { X } from '../../rotation/session.ts';"],
    ['src/config/tags.ts', "import { X } from '../main.ts';"],
    ['src/vault/events.ts', "import { X } from '../state/tables.ts';"],
    ['src/functions/rotate.ts', "import { X } from '../rotation/runner.ts';"],
    ['src/main.ts', "import '../sandbox/sandbox.ts';"],
    ['src/new/thing.ts', ''],
  ])('refuses in %s: %s', (path, text) => {
    expect(directionProblems(path, text, SRC_LAYERS)).toHaveLength(1);
  });

  test('allows what the layers allow', () => {
    const text = "import { RotationError } from '../../rotation/errors.ts'; const pg = await import('pg');";
    expect(directionProblems('src/rotators/postgres/client.ts', text, SRC_LAYERS)).toEqual([]);
    expect(staticPackages('src/rotators/postgres/client.ts', text)).toEqual([]);
    expect(staticPackages('src/a.ts', "import { z } from 'zod'; import { x } from './x.ts';")).toEqual(['zod']);
  });

  test('sees globals in code, and not in comments or strings', () => {
    const code = 'const a = Date.now(); const b = new Date(); setTimeout(f, 1); Math.random(); process.env.X;';
    expect(globalsOf('a.ts', code)).toEqual(['Date.now', 'new Date()', 'setTimeout', 'Math.random', 'process.env']);
    expect(globalsOf('a.ts', '// Date.now()\nconst a = "process.env"; new Date(0);')).toEqual([]);
  });

  test.each([
    ['vi.mock("./x.ts")', 'vi.mock'],
    ['describe.skip("x", f)', 'describe.skip'],
    ['it.only("x", f)', 'it.only'],
    ['test.todo("x")', 'test.todo'],
    ['const x = y as any;', 'as any'],
    ['try { f(); } catch { }', 'an empty catch'],
    ['// @ts-' + 'ignore\nf();', '@ts-' + 'ignore'],
  ])('refuses %s', (text, what) => {
    expect(forbidden('a.ts', text)).toEqual([`a.ts: ${what}`]);
  });

  test('sees what is revealed, what is branched on, what is named, and how long it is', () => {
    expect(reveals('a.ts', 'f(value.reveal())')).toBe(true);
    expect(reveals('a.ts', '// value.reveal()')).toBe(false);
    expect(kindBranches('a.ts', 'switch (rotator.kind) { default: }')).toEqual(['a.ts switches on rotator.kind']);
    expect(kindBranches('a.ts', 'switch (action.do) { default: }')).toEqual([]);
    expect(literalsOf('a.ts', 'if (x === "postgres") f();', ['postgres'])).toEqual(['postgres']);
    expect(lineCount('a\nb\n')).toBe(2);
  });
});
