/**
 * Each check finds what it is for: on a small project that is sound, and is broken in one place at a time. The last test sees to
 * it that there is no check that was never seen to fail.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AZURE_BREAKS } from './fixtures/azure-breaks.ts';
import { LANGUAGE_BREAKS } from './fixtures/language-breaks.ts';
import { assignments, deploy } from './support/bicep/deploy.ts';
import { project, readFolder } from './support/bicep/project.ts';
import type { Fields } from './support/bicep/values.ts';
import type { Code, Scenario } from './support/checks/app.ts';
import { CHECKS, type Given } from './support/everything.ts';
import { otherGuids, verifiedRoles } from './support/ids.ts';
import { readTypeData } from './support/resource-types/shapes.ts';

const SOUND = readFolder('test/infra/fixtures/sound');
const QUEUES = ['vault-events', 'rotation', 'propagation'];

const CODE: Code = {
  settings: [
    ...['KEYTURN_VAULTS', 'KEYTURN_SWEEP_SCHEDULE', 'KEYTURN_SIGN_IN', 'KEYTURN_ARM_ENDPOINT', 'AZURE_CLIENT_ID'],
    ...[
      'KeyturnStorage',
      'KeyturnStorage__clientId',
      'KeyturnStorage__queueServiceUri',
      'KeyturnStorage__tableServiceUri',
    ],
  ],
  leftOut: { KeyturnStorage: 'it has a key in it' },
  functions: ['onVaultEvent'],
  queues: [...QUEUES, ...QUEUES.map((name) => `${name}-poison`)],
  tables: ['keyturn'],
  eventTypes: ['Secret', 'Certificate', 'Key'].flatMap((kind) =>
    ['NewVersionCreated', 'NearExpiry', 'Expired'].map((what) => `Microsoft.KeyVault.${kind}${what}`),
  ),
};

const PREMIUM: Fields = {
  environmentName: 'x'.repeat(20),
  location: 'westeurope',
  plan: 'premium',
  vaults: [{ name: 'kv-new', resourceGroupName: 'rg-new', mode: 'new' }],
};

const TYPES = readTypeData();

function given(
  texts: ReadonlyMap<string, string>,
  code = CODE,
): { readonly given: Given; readonly problems: readonly string[] } {
  const read = project(texts);
  const sets = [['file', assignments(read, 'infra/main.bicepparam').params] as const, ['premium', PREMIUM] as const];
  const deployments = sets.map(([name, params]) => ({ name, ...deploy(read, 'infra/main.bicep', params) }));
  const scenarios: readonly Scenario[] = deployments;
  const ids = { roles: verifiedRoles(), otherGuids: otherGuids() };
  return {
    given: { project: read, entries: ['infra/main.bicep'], scenarios, code, types: TYPES, ...ids },
    problems: [...read.mistakes, ...deployments.flatMap(({ problems }) => problems)],
  };
}

/** @throws unless `find` is there once: a break that changes nothing would prove nothing */
function broken(path: string, find: string, by: string): ReadonlyMap<string, string> {
  const file = `infra/${path}`;
  const text = SOUND.get(file) ?? '';
  if (text.split(find).length !== 2) throw new Error(`${file} has ${find} not exactly once`);
  return new Map([...SOUND, [file, text.replace(find, () => by)]]);
}

describe('a sound project', () => {
  const sound = given(SOUND);

  test('can be worked out', () => {
    expect(sound.problems).toEqual([]);
  });

  test.each(Object.entries(CHECKS))('%s', (_, check) => {
    expect(check(sound.given)).toEqual([]);
  });
});

const BREAKS = [...LANGUAGE_BREAKS, ...AZURE_BREAKS];

describe('what is broken is found:', () => {
  test.each(BREAKS)('%s: %s, %j as %j', (name, path, find, by, problem) => {
    const found = CHECKS[name]?.(given(broken(path, find, by)).given) ?? [];
    expect(found).toContainEqual(expect.stringContaining(problem));
  });

  test('each check is seen to fail', () => {
    expect(new Set(BREAKS.map(([name]) => name))).toEqual(new Set(Object.keys(CHECKS)));
  });

  test('on the side of the code, too', () => {
    const more: Code = {
      ...CODE,
      settings: [...CODE.settings, 'KEYTURN_NEW'],
      queues: [...CODE.queues, 'new'],
      tables: ['journal'],
      eventTypes: [...CODE.eventTypes, 'Microsoft.KeyVault.New'],
    };
    const { given: changed } = given(SOUND, more);
    const all = Object.values(CHECKS).flatMap((check) => check(changed));
    expect(all).toEqual([
      'KEYTURN_NEW is read by the code, and not set',
      'the queue new is in the code, and not in the templates',
      'the table journal is in the code, and not in the templates',
      'the table keyturn is in the templates, and not in the code',
      expect.stringContaining('the event Microsoft.KeyVault.New is in the code, and not in the templates'),
    ]);
  });
});

describe('working it out finds', () => {
  test.each([
    ['main.bicep', "name: 'rg-${environmentName}'", "name: 'rg-${app.outputs.name}'", 'group depends on itself'],
    ['main.bicep', 'principalId: attached[i].outputs', 'principalId: attached[i + 1].outputs', 'there is no [1] in'],
    [
      'main.bicep',
      "'modules/app.bicep' = {\n  scope: group",
      "'modules/app.bicep' = {\n  scope: subscription()",
      'app is for a resourceGroup, and is deployed to a subscription',
    ],
    [
      'main.bicepparam',
      "name: 'kv-orders'",
      "name: 'kv-orders-of-more-than-24-characters'",
      'vaults[0].name is longer than 24',
    ],
    [
      'types.bicep',
      "replace(environmentName, '-', ''), 9",
      "replace(environmentName, '-', ''), 12",
      'storage: name is longer than 24',
    ],
    ['modules/app.bicep', '../role-definitions.json', '../roles.json', 'loads ../roles.json, which is not there'],
  ])('in %s, %j as %j', (path, find, by, problem) => {
    expect(given(broken(path, find, by)).problems).toContainEqual(expect.stringContaining(problem));
  });
});

test('the tables of ids have no id twice', () => {
  const text = ['roles', 'other-ids'].map((name) => readFileSync(`test/infra/${name}.json`, 'utf8')).join('\n');
  const ids = [...text.matchAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g)].map(([id]) => id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
});
