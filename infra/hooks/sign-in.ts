/**
 * Before provisioning: sees to the registration in Entra that operators log in to. It holds no secret and no
 * certificate, for nobody proves anything with it: it only gives tokens their audience. Repeating it changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { CommandFailed, required, run as runCommand, type Run, type Variables } from './command.ts';

/** The Azure CLI, which operators get their tokens with. Its id is public, and the default in main.bicep. */
const AZURE_CLI = '04b07795-8ddb-461a-bbee-02f9e1bf7b46';
const SCOPE = 'user_impersonation';
const VARIABLE = 'KEYTURN_SIGN_IN_CLIENT_ID';

interface Registration {
  readonly appId: string;
  readonly displayName: string;
  readonly identifierUris: readonly string[];
  readonly api?: { readonly oauth2PermissionScopes?: readonly { readonly id: string; readonly value: string }[] };
}

/** @returns the client id; undefined where function keys were chosen, or an id is given already */
export async function signIn(env: Variables, run: Run, say: (line: string) => void): Promise<string | undefined> {
  if (env['KEYTURN_FUNCTION_KEYS']?.toLowerCase() === 'true') {
    say('Callers show function keys (KEYTURN_FUNCTION_KEYS): no registration is needed.');
    return undefined;
  }
  const given = env[VARIABLE]?.trim() ?? '';
  if (given !== '') {
    say(`Operators log in to the registration ${given} (${VARIABLE}).`);
    return undefined;
  }
  const name = `Keyturn (${required(env, 'AZURE_ENV_NAME')})`;
  const { appId } = (await find(run, name)) ?? (await create(run, name));
  await complete(run, appId);
  await run('azd', 'env', 'set', VARIABLE, appId);
  say(`Operators log in to the registration '${name}', ${appId}.`);
  return appId;
}

async function find(run: Run, name: string): Promise<Registration | undefined> {
  // The filter of the command takes names that begin with it.
  const found = (JSON.parse(await run('az', 'ad', 'app', 'list', '--display-name', name)) as Registration[]).filter(
    ({ displayName }) => displayName === name,
  );
  if (found.length > 1) {
    throw new CommandFailed(
      `${found.length} registrations are called '${name}': say which one it is (azd env set ${VARIABLE} <client id>)`,
    );
  }
  return found[0];
}

async function create(run: Run, name: string): Promise<Registration> {
  try {
    const answer = await run('az', 'ad', 'app', 'create', '--display-name', name, '--sign-in-audience', 'AzureADMyOrg');
    return JSON.parse(answer) as Registration;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new CommandFailed(
      `the registration '${name}' could not be made. Have somebody do it who may (Application Developer), and say which ` +
        `it is: azd env set ${VARIABLE} <client id>. Or choose keys: azd env set KEYTURN_FUNCTION_KEYS true\n${error.message}`,
    );
  }
}

/** Everything else about it, in the order that Graph wants: a scope is there before somebody is allowed to use it. */
async function complete(run: Run, appId: string): Promise<void> {
  const now = JSON.parse(await run('az', 'ad', 'app', 'show', '--id', appId)) as Registration;
  if (!now.identifierUris.includes(`api://${appId}`)) {
    await run('az', 'ad', 'app', 'update', '--id', appId, '--identifier-uris', `api://${appId}`);
  }
  const graph = await run('az', 'cloud', 'show', '--query', 'endpoints.microsoftGraphResourceId', '--output', 'tsv');
  const url = `${graph.replace(/\/$/, '')}/v1.0/applications(appId='${appId}')`;
  const patch = (body: unknown): Promise<string> =>
    run('az', 'rest', '--method', 'PATCH', '--uri', url, '--body', JSON.stringify(body));
  let id = now.api?.oauth2PermissionScopes?.find(({ value }) => value === SCOPE)?.id;
  if (id === undefined) {
    id = randomUUID();
    await patch({
      groupMembershipClaims: 'SecurityGroup',
      api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [scope(id)] },
    });
  }
  await patch({ api: { preAuthorizedApplications: [{ appId: AZURE_CLI, delegatedPermissionIds: [id] }] } });
  const principals = JSON.parse(await run('az', 'ad', 'sp', 'list', '--filter', `appId eq '${appId}'`)) as unknown[];
  if (principals.length === 0) await run('az', 'ad', 'sp', 'create', '--id', appId);
}

function scope(id: string) {
  const what = 'Use the runbook of Keyturn';
  return {
    id,
    value: SCOPE,
    type: 'User',
    isEnabled: true,
    adminConsentDisplayName: what,
    adminConsentDescription: `${what} as the person who is logged in. Who may is said in the app's own configuration.`,
    userConsentDisplayName: what,
    userConsentDescription: what,
  };
}

if (process.argv[1] === import.meta.filename) {
  try {
    await signIn(process.env, runCommand, console.log);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
