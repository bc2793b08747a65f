/** After the app is deployed: lets Event Grid deliver to the function where that was chosen, asks for health, says what comes next. */
import { resolve } from 'node:path';
import { CommandFailed, required, run as runCommand, type Run, type Variables } from './command.ts';

/** What a role that was assigned a moment ago may take to be known everywhere, and a new app to find its functions. */
const TRIES = 20;
const PAUSE_MS = 15_000;
const TEMPLATE = resolve(import.meta.dirname, '../function-delivery.bicep');

export interface World {
  readonly env: Variables;
  readonly run: Run;
  readonly fetch: (url: string, headers: Readonly<Record<string, string>>) => Promise<Response>;
  readonly wait: (ms: number) => Promise<void>;
  readonly say: (line: string) => void;
}

interface Health {
  readonly healthy: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail?: string;
    readonly remedy?: string;
  }[];
  readonly blocked: number;
}

/** @returns whether the app is well, as far as could be seen from here */
export async function afterDeploy(world: World): Promise<boolean> {
  const { env, say } = world;
  const url = required(env, 'KEYTURN_URL');
  if (env['KEYTURN_DELIVERY'] === 'function') await deliverToFunction(world);
  const header = await credential(world);
  if (header === undefined) return true;
  const health = await ask(world, `${url}/api/health`, header);
  if (health === 'refused') return true;
  if (health === undefined) return false;
  for (const { name, ok, detail = '', remedy = '' } of health.checks) {
    say(ok ? `  ok      ${name}` : `  FAILED  ${name}: ${detail}\n          ${remedy}`);
  }
  say(health.healthy ? `Keyturn is up: ${url}` : `Keyturn answers, and is not well: ${url}`);
  if (health.healthy) next(world, url);
  return health.healthy;
}

/** Event Grid takes no subscription to a function that is not deployed: this is the earliest moment. */
async function deliverToFunction({ env, run, say }: World): Promise<void> {
  const parameter = (name: string, variable: string): string => `${name}=${required(env, variable)}`;
  await run(
    ...([
      'az',
      'deployment',
      'sub',
      'create',
      '--name',
      `keyturn-delivery-${required(env, 'AZURE_ENV_NAME')}`,
    ] as const),
    ...['--location', required(env, 'AZURE_LOCATION'), '--template-file', TEMPLATE, '--output', 'none', '--parameters'],
    parameter('targets', 'KEYTURN_DELIVERY_TARGETS'),
    parameter('eventSubscriptionName', 'KEYTURN_EVENT_SUBSCRIPTION'),
    parameter('functionAppResourceId', 'KEYTURN_APP_RESOURCE_ID'),
    parameter('storageAccountResourceId', 'KEYTURN_STORAGE_RESOURCE_ID'),
  );
  say('Event Grid delivers to the function.');
}

async function credential({ env, run, say }: World): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    if (env['KEYTURN_SIGN_IN'] === 'key') {
      const [name, group] = [required(env, 'KEYTURN_APP_NAME'), required(env, 'AZURE_RESOURCE_GROUP')];
      const query = ['--query', 'functionKeys.default', '--output', 'tsv'];
      return {
        'x-functions-key': await run(
          'az',
          'functionapp',
          'keys',
          'list',
          '--name',
          name,
          '--resource-group',
          group,
          ...query,
        ),
      };
    }
    const resource = `api://${required(env, 'KEYTURN_SIGN_IN_CLIENT_ID')}`;
    const query = ['--query', 'accessToken', '--output', 'tsv'];
    return {
      authorization: `Bearer ${await run('az', 'account', 'get-access-token', '--resource', resource, ...query)}`,
    };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    say(
      `It is deployed. Its health was not asked for, because this account gets nothing to ask with: ${error.message}`,
    );
    return undefined;
  }
}

async function ask(
  world: World,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<Health | 'refused' | undefined> {
  const { fetch, wait, say } = world;
  let last = '';
  let seen: Health | undefined;
  for (let left = TRIES; left > 0; left -= 1) {
    try {
      const response = await fetch(url, headers);
      last = `${response.status} ${response.statusText}`.trim();
      if (response.status === 403) {
        say(
          'It is deployed. It lets neither this account nor this network in (403): operators are named in KEYTURN_OPERATORS ' +
            'and KEYTURN_OPERATOR_GROUPS; a private app is asked from its network.',
        );
        return 'refused';
      }
      seen = (await report(response)) ?? seen;
      if (seen?.healthy === true) return seen;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // what fetch throws for anything on the way there
      last = error.message;
    }
    if (left === TRIES) say('Waiting until it is up and its roles have arrived: some minutes, the first time …');
    await wait(PAUSE_MS);
  }
  if (seen === undefined)
    say(
      `It is deployed, and did not answer ${url}: ${last}. From outside of its private network that is as it should be.`,
    );
  return seen;
}

/** The report; undefined for an answer that is none: of the platform, or the app's that its settings are wrong. */
async function report(response: Response): Promise<Health | undefined> {
  if (response.headers.get('content-type')?.includes('json') !== true) return undefined;
  const body = (await response.json()) as Partial<Health> & { readonly detail?: string; readonly remedy?: string };
  if (body.checks !== undefined) return body as Health;
  if (body.detail === undefined) return undefined;
  const check = {
    name: 'the app',
    ok: false,
    detail: body.detail,
    ...(body.remedy === undefined ? {} : { remedy: body.remedy }),
  };
  return { healthy: false, checks: [check], blocked: 0 };
}

function next({ env, say }: World, url: string): void {
  const key = env['KEYTURN_SIGN_IN'] === 'key';
  say(
    [
      '',
      'Next, on a secret with an expiry date (docs/deploy.md has every step):',
      '  1. Tag it:    az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags CredentialId=… ProviderAddress=…',
      ...(key
        ? [
            `  2. Get a key: KEY=$(az functionapp keys list --resource-group ${env['AZURE_RESOURCE_GROUP'] ?? '<group>'} --name ${env['KEYTURN_APP_NAME'] ?? '<app>'} --query functionKeys.default --output tsv)`,
          ]
        : [
            `  2. Log in:    TOKEN=$(az account get-access-token --resource api://${env['KEYTURN_SIGN_IN_CLIENT_ID'] ?? '<client id>'} --query accessToken --output tsv)`,
          ]),
      `  3. Dry run:   curl -s -H "${key ? 'x-functions-key: $KEY' : 'authorization: Bearer $TOKEN'}" -H 'content-type: application/json' -d '{"vault":"<vault>","name":"<secret>","dryRun":true}' ${url}/api/rotations`,
      `  The app's identity is ${env['KEYTURN_IDENTITY_NAME'] ?? '<identity>'}: databases know it by that name (docs/access.md).`,
    ].join('\n'),
  );
}

if (process.argv[1] === import.meta.filename) {
  try {
    const well = await afterDeploy({
      env: process.env,
      run: runCommand,
      fetch: (url, headers) => fetch(url, { headers, signal: AbortSignal.timeout(30_000) }),
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      say: console.log,
    });
    if (!well) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
