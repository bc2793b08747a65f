/** What must be allowed is declared once, beside the code: docs, infra and READMEs say the same, and the requests use it. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PLATFORM_ACCESS } from '../../build/platform-access.ts';
import { documentOf, DOCUMENT, NEEDS, needsJson, SECTIONS } from '../../build/access.ts';
import {
  CONSUMER_ACCESS,
  grants,
  isActions,
  isCommand,
  isRole,
  ROTATOR_ACCESS,
  STATE_ACCESS,
  VAULT_ACCESS,
} from '../../src/access.ts';
import type { Access, Need } from '../../src/azure/access.ts';
import { CERTIFICATE_ROTATOR } from '../../src/config/certificate-tags.ts';
import { readConsumers } from '../../src/config/consumers.ts';
import { KEY_ROTATOR } from '../../src/config/key-tags.ts';
import { readSettings } from '../../src/config/settings.ts';
import { OPTIONS } from '../../src/consumers/needs.ts';
import { createConsumers } from '../../src/consumers/registry.ts';
import { createRotators } from '../../src/main.ts';
import { actionsOf } from '../../src/rotators/arm-key/access.ts';
import { typeOf } from '../../src/rotators/arm-key/config.ts';
import { ARM_KEY_ROWS } from '../../src/rotators/arm-key/rows.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const paths = (pattern: string): readonly string[] =>
  globSync(pattern)
    .map((path) => path.split(sep).join('/'))
    .sort();
const unused = (): never => {
  throw new Error('nothing is called to read declarations');
};
const clock = { now: unused, after: unused };
const settings = readSettings({
  KEYTURN_VAULTS: 'https://kv.vault.azure.net',
  KeyturnStorage: 'UseDevelopmentStorage=true',
});
const everything: readonly Access[] = Object.values(SECTIONS).flat();
const needs: readonly Need[] = everything.flatMap((access) => access.needs);
const granted = grants();

describe('who declares', () => {
  test('every kind of rotator, in the order of the table', () => {
    const vault = { current: unused, validate: unused, write: unused, versions: unused, disable: unused, list: unused };
    const kinds = createRotators(settings, vault, unused, clock).map(({ kind }) => kind);
    expect(ROTATOR_ACCESS.map(({ of }) => of).sort()).toEqual([...kinds, KEY_ROTATOR, CERTIFICATE_ROTATOR].sort());
  });

  test('every kind of consumer', () => {
    const deps = { ...settings.consumers, aks: 'restart', configurationSuffix: 'azconfig.io' } as const;
    const arm = { credential: unused, armEndpoint: 'https://management.azure.com', clock };
    const kinds = createConsumers({ ...arm, ...deps }).map(({ kind }) => kind);
    expect(CONSUMER_ACCESS.map(({ of }) => of)).toEqual(kinds);
  });

  test('only choices that there are', () => {
    expect(needs.flatMap(({ options = [] }) => options).filter((option) => !(option in OPTIONS))).toEqual([]);
  });
});

describe('what is asked for', () => {
  /** The files whose literals are declarations: access.ts of each folder, the rows, and discovery's one request. */
  const declaring = /\/access\.ts$|\/rows?(?:\/[\w-]+)?\.ts$|^src\/consumers\/graph\.ts$/;
  const sources = [...paths('src/consumers/**/*.ts'), ...paths('src/rotators/arm-key/**/*.ts')];

  test('no request names an action that is not declared', () => {
    const stray = sources
      .filter((path) => !declaring.test(path))
      .flatMap((path) => {
        const found = read(path).matchAll(/['"`][^'"`\s]*\/(?:read|write|delete|action)['"`]/gi);
        return [...found].map(([literal]) => `${path}: ${literal}`);
      });
    expect(stray).toEqual([]);
  });

  test.each(paths('src/consumers/*/access.ts'))('%s: nothing is declared that no request uses', (path) => {
    const others = paths(`${dirname(path)}*/*.ts`).filter((one) => one !== path);
    const users = others.map(read).join('\n');
    const objects = read(path).matchAll(/^export const ([A-Z_]+)(?:: \w+)? = \{([\s\S]*?)\}(?: as const)?;$/gm);
    const idle = [...objects]
      .filter(([, name]) => name !== 'ACCESS')
      .flatMap(([, name = '', body = '']) => {
        const isWhole =
          users.includes(`...${name}`) ||
          users.includes(`${name}[`) ||
          new RegExp(`\\? ${name} :|: ${name};`).test(users);
        const keys = [...body.matchAll(/(?:^|[{,]|^ {2}) ?(\w+): /gm)].map(([, key = '']) => `${name}.${key}`);
        return isWhole ? [] : keys.filter((key) => !users.includes(key));
      });
    expect(idle).toEqual([]);
  });

  test.each(ARM_KEY_ROWS.filter((row) => 'prepare' in row))('$kind prepares with what it declares', async (row) => {
    const [address = ''] = row.addresses;
    const config = {
      subscriptionId: 's',
      resourceGroup: 'g',
      name: 'n',
      names: { rule: 'r' },
      type: typeOf(address),
      path: '/a/b/c',
    };
    const slot = 'rule' in row.pairs ? 'k' : (row.pairs[0]?.[1] ?? '');
    const asked: string[] = [];
    const answer = { etag: 'e', properties: {}, value: [{ keyName: 'r', name: slot, id: 'i' }] };
    const ask = (verb: { readonly action: string }): Promise<unknown> => {
      asked.push(verb.action);
      return Promise.resolve(answer);
    };
    const made = await row.prepare?.(slot, config, ask);
    expect(asked.length).toBeGreaterThan(0);
    expect(actionsOf(row)).toEqual(expect.arrayContaining([...asked, made?.action]));
  });
});

describe('what is granted', () => {
  const guids = JSON.parse(read('infra/role-definitions.json')) as Readonly<Record<string, string>>;
  const all = [granted.vault, granted.systems, granted.consumers].flatMap((part) => Object.values(part).flat());

  test('is what the code declares, in infra and in the docs (else: node build/access.ts)', async () => {
    expect(read(NEEDS)).toBe(await needsJson());
    expect(read(DOCUMENT)).toBe(await documentOf(read(DOCUMENT)));
  });

  test('names built-in roles that have a GUID, each its own', () => {
    const named = [
      ...all.filter(({ custom }) => !custom).map(({ role }) => role),
      ...needs.filter(isRole).map(({ role }) => role),
    ];
    expect(named.filter((role) => guids[role] === undefined)).toEqual([]);
    expect(Object.values(guids).filter((guid) => !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(guid))).toEqual(
      [],
    );
    expect(new Set(Object.values(guids)).size).toBe(Object.keys(guids).length);
  });

  test('has a definition for every custom role, and none besides', () => {
    const custom = all.filter(({ custom: own }) => own).map(({ role }) => role);
    expect(custom.sort()).toEqual(Object.keys(granted.roles).sort());
  });

  test('covers every action that is declared, by a custom role, by Reader or by the built-in one', () => {
    const own = Object.values(granted.roles).flatMap(({ actions, dataActions }) => [...actions, ...dataActions]);
    const elsewhere = needs
      .filter(isActions)
      .filter(({ builtIn, unlisted }) => builtIn === 'Reader' || unlisted !== undefined);
    const declared = needs.filter(isActions).filter((need) => !elsewhere.includes(need));
    const wanted = declared.flatMap(({ actions, dataActions = [] }) => [...actions, ...dataActions]);
    expect(new Set(own)).toEqual(new Set(wanted));
    expect(elsewhere.filter(({ builtIn }) => builtIn === undefined)).toEqual([]);
    // Reader is `*/read` of the control plane and nothing else.
    const reading = elsewhere.filter(({ unlisted }) => unlisted === undefined);
    expect(reading.flatMap(({ actions }) => actions).filter((action) => !action.endsWith('/read'))).toEqual([]);
    expect(reading.flatMap(({ dataActions = [] }) => dataActions)).toEqual([]);
  });

  test('is never a wildcard, a right to give rights, or a way to destroy what is in a vault', () => {
    const actions = Object.values(granted.roles).flatMap((role) => [...role.actions, ...role.dataActions]);
    expect(actions.filter((action) => /\*|^Microsoft\.Authorization/i.test(action))).toEqual([]);
    const inVault = actions.filter((action) => action.startsWith('Microsoft.KeyVault/'));
    expect(
      inVault.filter((action) => /delete|purge|backup|restore|import|export|wrap|sign|decrypt/i.test(action)),
    ).toEqual([]);
  });

  test('lets the rotators of keys at no data', () => {
    const kinds = ARM_KEY_ROWS.map(({ kind }) => `rotator ${kind}`);
    expect(kinds.flatMap((kind) => granted.roles[kind]?.dataActions ?? [])).toEqual([]);
  });

  test('where an option is on only with it', () => {
    const fallback = readConsumers({}, unused);
    const on = [
      ...(fallback.restart === 'none' ? [] : ['restart']),
      ...(fallback.sentinel === false ? [] : ['sentinel']),
    ];
    const bicep = read('infra/modules/access/consumers.bicep');
    const said = /param options consumerOptionType\[\] = \[([^\]]*)\]/.exec(bicep)?.[1] ?? '';
    expect([...said.matchAll(/'(\w+)'/g)].map(([, option]) => option)).toEqual(on);
  });
});

describe('the modules of infra/modules/access', () => {
  const types = read('infra/modules/access/types.bicep');
  const union = (name: string): readonly string[] =>
    [...(new RegExp(`type ${name} = (.*)`).exec(types)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(([, one = '']) => one);

  test('know the needs of a vault and the choices of the setting', () => {
    expect(union('vaultNeedType')).toEqual(Object.keys(VAULT_ACCESS));
    expect(union('consumerOptionType').toSorted()).toEqual(Object.keys(OPTIONS).sort());
  });

  test.each(paths('infra/modules/access/*.bicep'))('%s names no role, action or GUID by itself', (path) => {
    const text = read(path);
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    const actions = [...text.matchAll(/'Microsoft\.[^'@]*\/(?:read|write|delete|action)'/gi)].map(([action]) => action);
    expect(actions).toEqual([]);
  });
});

test('what is made with the app grants the roles that are declared for it, and no other', () => {
  const files = ['storage', 'monitoring', 'topic', 'storage-delivery-access'].map((name) =>
    read(`infra/modules/${name}.bicep`),
  );
  const builtIn = Object.keys(JSON.parse(read('infra/role-definitions.json')) as object);
  const granted = builtIn.filter((role) => files.some((text) => text.includes(`'${role}'`)));
  const own = [STATE_ACCESS, ...PLATFORM_ACCESS.filter(({ of }) => of !== 'whoever deploys')];
  const declared = own.flatMap(({ needs }) => needs.filter(isRole).map(({ role }) => role));
  expect(granted).toEqual([...new Set(declared)].sort());
});

describe('the READMEs', () => {
  const folders = paths('src/{rotators,consumers}/*/README.md');

  test('have the commands that are declared, word for word', () => {
    const texts = folders.map(read);
    const ours = [...ROTATOR_ACCESS, ...CONSUMER_ACCESS].flatMap((access) => access.needs).filter(isCommand);
    const statements = ours.filter(({ language, right }) => language === 'sql' || right.includes('Microsoft Graph'));
    expect(statements.length).toBeGreaterThan(5);
    expect(statements.filter(({ command }) => !texts.some((text) => text.includes(command)))).toEqual([]);
  });

  const kinds = CONSUMER_ACCESS.filter((access) => access.needs.some(isActions));
  test.each(kinds)('$of: its README has the roles and the actions', ({ of, needs: own }) => {
    const shared: Readonly<Record<string, string>> = { 'web-pubsub-certificate': 'signalr-certificate' };
    const text = read(`src/consumers/${shared[of] ?? of}/README.md`);
    const roles = own.filter(isActions).flatMap(({ builtIn }) => builtIn ?? []);
    expect(roles.filter((role) => !text.includes(`_${role}_`))).toEqual([]);
    const actions = own.filter(isActions).flatMap((need) => [...need.actions, ...(need.dataActions ?? [])]);
    const isSaid = (action: string): boolean => {
      // They say that slots need the same.
      const parts = action.replace('/slots/', '/').split('/');
      // Abbreviated, as people do: `…/config/write`, or what follows a type that is named beside it; `action` alone says nothing.
      const tails = parts.map((_, at) => parts.slice(at).join('/')).filter((tail) => tail !== 'action');
      return tails.some((tail) => {
        const before = tail.includes('/') ? '[`/"]' : '(?:`|…/)';
        return new RegExp(before + tail + '[`"]', 'i').test(text);
      });
    };
    expect(actions.filter((action) => !isSaid(action))).toEqual([]);
  });

  test.each(ARM_KEY_ROWS.map(({ kind, role }) => [kind, role]))(
    'the top-level table has what %s needs',
    (kind, role) => {
      const cells = new RegExp(`^\\| \\[\`${kind}\`\\].*$`, 'm').exec(read('README.md'))?.[0].split('|') ?? [];
      expect(cells[6]?.trim()).toBe(role === 'Contributor' ? 'Contributor, or a custom role' : role);
    },
  );
});
