/**
 * `npm run contract:http-api -- my-service.json`: the contract suite on a service of one's own. The file is an entry of
 * KEYTURN_HTTP_APIS without `secret`; the administrator's credential is in the environment variable TEST_HTTP_API_SECRET.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readHttpApis } from '../../src/config/http-apis.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue, type Rotator } from '../../src/rotation/ports.ts';
import type { HttpApiSetting } from '../../src/rotators/http-api/config.ts';
import { httpApiRotator } from '../../src/rotators/http-api/rotator.ts';

/** Longer than a slow service takes for a page. */
const PATIENCE_MS = 30_000;

const [path] = process.argv.slice(2);
const given = process.env['TEST_HTTP_API_SECRET'] ?? '';
if (path === undefined || !existsSync(path)) {
  console.error('Name the file: npm run contract:http-api -- my-service.json');
  process.exit(2);
}
const rotator = rotatorOf(path, given);
if (given === '') {
  console.error(`${path} is as the schema and the rules want it. To try it on the service, set TEST_HTTP_API_SECRET.`);
  process.exit(2);
}
await look(rotator);
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/contract/http-api-live.test.ts'],
  { stdio: 'inherit', env: { ...process.env, TEST_HTTP_API: resolve(path) } },
);
process.exit(status ?? 1);

/** Ends with every problem of the entry, as the app would when it starts. */
function rotatorOf(file: string, secret: string): Rotator {
  const problems: string[] = [];
  const instances = settingsOf(file, problems);
  try {
    const read = (): Promise<SecretValue> => Promise.resolve(new SecretValue(secret));
    const made = httpApiRotator({ secrets: { read, forget: () => undefined }, instances });
    if (problems.length === 0) return made;
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    problems.push(...error.problems.map(({ path: where, message }) => `${where}: ${message}`));
  }
  for (const problem of problems)
    console.error(problem.replace('settings.', '').replace('KEYTURN_HTTP_APIS["live"].', ''));
  process.exit(1);
}

function settingsOf(file: string, problems: string[]): readonly HttpApiSetting[] {
  try {
    const entry = JSON.parse(readFileSync(file, 'utf8')) as object;
    const setting = JSON.stringify({ live: { ...entry, secret: 'https://kv.vault.azure.net/secrets/administrator' } });
    return readHttpApis({ KEYTURN_HTTP_APIS: setting }, ['https://kv.vault.azure.net'], (where, message) => {
      problems.push(`${where}: ${message}`);
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    problems.push(`${file} is no JSON: ${error.message}`);
    return [];
  }
}

/** One listing past the suite and its relay, so that what is wrong with the way to the service is said in one sentence. */
async function look(rotator: Rotator): Promise<void> {
  const target = rotator.parseTarget({ providerAddress: 'live', credentialId: 'none' });
  try {
    const keys = await rotator.list(target, { signal: AbortSignal.timeout(PATIENCE_MS), now: () => new Date() });
    console.error(
      `${target.hosts.join(', ')} lists ${keys.length} keys. The suite makes more, and removes those again.`,
    );
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    if (error.remedy !== undefined) console.error(error.remedy);
    if (error.code === 'ACCESS_DENIED') console.error('The credential tried here is that in TEST_HTTP_API_SECRET.');
    process.exit(1);
  }
}
