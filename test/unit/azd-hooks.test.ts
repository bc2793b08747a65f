import { describe, expect, test } from 'vitest';
import { afterDeploy, type World } from '../../infra/hooks/after-deploy.ts';
import { CommandFailed, type Run } from '../../infra/hooks/command.ts';
import { signIn } from '../../infra/hooks/sign-in.ts';

const ENTRA_ENV = { AZURE_ENV_NAME: 'dev' };

/** Entra as the Azure CLI shows it: registrations by name, kept as they are changed. */
function directory(names: readonly string[] = [], mayCreate = true) {
  const apps = names.map((displayName, index) => ({
    appId: `app-${index}`,
    displayName,
    identifierUris: [] as string[],
    api: {},
  }));
  const principals: string[] = [];
  const calls: string[] = [];
  const run: Run = async (command, ...args) => {
    const said = (name: string): string => args[args.indexOf(name) + 1] ?? '';
    const app = apps.find(({ appId }) => appId === said('--id') || said('--uri').includes(appId));
    const verb = `${command} ${args.slice(0, args.findIndex((arg) => arg.startsWith('--')) || 3).join(' ')}`;
    calls.push(command === 'azd' ? `azd ${args.join(' ')}` : verb);
    if (verb === 'az ad app list')
      return JSON.stringify(apps.filter((one) => one.displayName.startsWith(said('--display-name'))));
    if (verb === 'az ad app create') {
      if (!mayCreate) throw new CommandFailed('Insufficient privileges');
      apps.push({ appId: 'new', displayName: said('--display-name'), identifierUris: [], api: {} });
      return JSON.stringify(apps.at(-1));
    }
    if (verb === 'az ad app show') return JSON.stringify(app);
    if (verb === 'az ad app update') app?.identifierUris.push(said('--identifier-uris'));
    if (verb === 'az cloud show') return 'https://graph.example/';
    if (verb === 'az rest') Object.assign(app?.api ?? {}, (JSON.parse(said('--body')) as { api: object }).api);
    if (verb === 'az ad sp list') return JSON.stringify(principals);
    if (verb === 'az ad sp create') principals.push(said('--id'));
    return '';
  };
  return { apps, principals, calls, run };
}

describe('before provisioning', () => {
  test('a registration without any credential is made, may be used from the Azure CLI, and azd knows it', async () => {
    const { apps, principals, calls, run } = directory(['Keyturn (dev2)']);
    expect(await signIn(ENTRA_ENV, run, () => undefined)).toBe('new');
    expect(apps.at(-1)).toMatchObject({ displayName: 'Keyturn (dev)', identifierUris: ['api://new'] });
    const api = apps.at(-1)?.api as Record<string, { id?: string; delegatedPermissionIds?: string[] }[]>;
    expect(api).toMatchObject({ requestedAccessTokenVersion: 2 });
    expect(api['preAuthorizedApplications']).toEqual([
      {
        appId: '04b07795-8ddb-461a-bbee-02f9e1bf7b46',
        delegatedPermissionIds: [api['oauth2PermissionScopes']?.[0]?.id],
      },
    ]);
    expect(principals).toEqual(['new']);
    expect(calls.at(-1)).toBe('azd env set KEYTURN_SIGN_IN_CLIENT_ID new');
    expect(calls.filter((call) => /credential|secret|password/.test(call))).toEqual([]);
  });

  test('one that is there is completed and kept, also the second time', async () => {
    const { apps, calls, run } = directory(['Keyturn (dev)']);
    await signIn(ENTRA_ENV, run, () => undefined);
    const once = structuredClone(apps);
    await signIn(ENTRA_ENV, run, () => undefined);
    expect(apps).toEqual(once);
    expect(calls.filter((call) => /create/.test(call))).toEqual(['az ad sp create']);
  });

  test.each([
    [{ ...ENTRA_ENV, KEYTURN_FUNCTION_KEYS: 'true' }, 'function keys'],
    [{ ...ENTRA_ENV, KEYTURN_SIGN_IN_CLIENT_ID: '1' }, 'the registration 1'],
  ])('nothing is asked for with %j', async (env, said) => {
    const { calls, run } = directory();
    const lines: string[] = [];
    expect(await signIn(env, run, (line) => void lines.push(line))).toBeUndefined();
    expect(calls).toEqual([]);
    expect(lines.join()).toContain(said);
  });

  test('who may make none is told what to do, and two of one name are not guessed between', async () => {
    const failing = signIn(ENTRA_ENV, directory([], false).run, () => undefined);
    await expect(failing).rejects.toThrow(/Application Developer.*azd env set KEYTURN_SIGN_IN_CLIENT_ID/s);
    const twice = directory(['Keyturn (dev)', 'Keyturn (dev)']);
    await expect(signIn(ENTRA_ENV, twice.run, () => undefined)).rejects.toThrow('2 registrations');
  });
});

const ENV = {
  AZURE_ENV_NAME: 'dev',
  AZURE_LOCATION: 'westeurope',
  AZURE_RESOURCE_GROUP: 'rg',
  KEYTURN_APP_NAME: 'func',
  KEYTURN_URL: 'https://func.example',
  KEYTURN_SIGN_IN: 'entra',
  KEYTURN_SIGN_IN_CLIENT_ID: 'client',
  KEYTURN_DELIVERY: 'queue',
};
const json = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
const well = json(200, { healthy: true, checks: [{ name: 'journal', ok: true }], blocked: 0 });

function world(answers: readonly (Response | Error)[], env: Record<string, string> = ENV) {
  const lines: string[] = [];
  const commands: string[] = [];
  const asked: string[] = [];
  let waits = 0;
  const one: World = {
    env,
    run: async (command, ...args) => {
      commands.push(`${command} ${args.join(' ')}`);
      return 'proof';
    },
    fetch: async (url, headers) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(`${url} ${JSON.stringify(headers)}`);
      if (answer instanceof Response) return answer.clone();
      throw answer ?? new TypeError('nothing is there');
    },
    wait: async () => void (waits += 1),
    say: (line) => void lines.push(line),
  };
  return { one, commands, asked, waits: () => waits, said: () => lines.join('\n') };
}

describe('after the deployment', () => {
  test('health is asked for with a token, and what comes next is said', async () => {
    const { one, asked, commands, said } = world([well]);
    expect(await afterDeploy(one)).toBe(true);
    expect(asked).toEqual(['https://func.example/api/health {"authorization":"Bearer proof"}']);
    expect(commands).toEqual(['az account get-access-token --resource api://client --query accessToken --output tsv']);
    expect(said()).toContain('"dryRun":true');
    expect(said()).not.toContain('proof');
  });

  test('…or with a function key, where these were chosen', async () => {
    const { one, asked, said } = world([well], { ...ENV, KEYTURN_SIGN_IN: 'key' });
    expect(await afterDeploy(one)).toBe(true);
    expect(asked).toEqual(['https://func.example/api/health {"x-functions-key":"proof"}']);
    expect(said()).toContain('x-functions-key: $KEY');
  });

  test('it is waited for until the roles have arrived', async () => {
    const denied = { name: 'https://kv', ok: false, detail: 'may not list', remedy: 'az role assignment create' };
    const { one, waits } = world([
      new TypeError('fetch failed'),
      new Response('starting', { status: 503 }),
      json(503, { healthy: false, checks: [denied], blocked: 0 }),
      well,
    ]);
    expect(await afterDeploy(one)).toBe(true);
    expect(waits()).toBe(3);
  });

  test.each([
    [
      'a check that fails',
      json(503, { healthy: false, checks: [{ name: 'kv', ok: false, detail: 'no', remedy: 'do it' }], blocked: 0 }),
      'do it',
    ],
    [
      'settings that are wrong',
      json(500, { detail: 'the settings are wrong', remedy: 'Correct them' }),
      'Correct them',
    ],
    ['no answer at all', new TypeError('fetch failed'), 'private network'],
  ])('%s is told in the end, with what to do', async (_what, answer, remedy) => {
    const { one, said } = world([answer]);
    expect(await afterDeploy(one)).toBe(false);
    expect(said()).toContain(remedy);
  });

  test('who deploys need not be an operator', async () => {
    const { one, said, waits } = world([new Response('', { status: 403 })]);
    expect(await afterDeploy(one)).toBe(true);
    expect([said().includes('KEYTURN_OPERATORS'), waits()]).toEqual([true, 0]);
    const { one: noToken, asked } = world([well]);
    const run: Run = () => Promise.reject(new CommandFailed('AADSTS65001'));
    expect(await afterDeploy({ ...noToken, run })).toBe(true);
    expect(asked).toEqual([]);
  });

  test('events are delivered to the function only where that was chosen, and first', async () => {
    const delivery = {
      ...{ KEYTURN_DELIVERY: 'function', KEYTURN_DELIVERY_TARGETS: '[{"systemTopicName":"t"}]' },
      ...{
        KEYTURN_EVENT_SUBSCRIPTION: 'keyturn-dev',
        KEYTURN_APP_RESOURCE_ID: '/app',
        KEYTURN_STORAGE_RESOURCE_ID: '/sa',
      },
    };
    const { one, commands } = world([well], { ...ENV, ...delivery });
    expect(await afterDeploy(one)).toBe(true);
    expect(commands[0]).toMatch(
      /^az deployment sub create .*function-delivery\.bicep .*targets=\[\{"systemTopicName":"t"\}\]/,
    );
    expect(commands[0]).toContain('functionAppResourceId=/app');
    await expect(afterDeploy(world([well], { ...ENV, KEYTURN_DELIVERY: 'function' }).one)).rejects.toThrow(
      'KEYTURN_DELIVERY_TARGETS',
    );
  });
});
