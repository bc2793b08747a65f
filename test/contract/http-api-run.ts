/**
 * `npm run contract:http-api -- my-service.json`: the contract suite on a service of one's own. The file is an entry of
 * KEYTURN_HTTP_APIS without `secret`; the administrator's credential is in the environment variable TEST_HTTP_API_SECRET.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readDescription } from '../../src/rotators/http-api/config.ts';
import type { Problem } from '../../src/rotation/errors.ts';

const [path] = process.argv.slice(2);
if (path === undefined || !existsSync(path)) {
  console.error('Name the file: npm run contract:http-api -- my-service.json');
  process.exit(2);
}
const problems: Problem[] = [];
const { description } = JSON.parse(readFileSync(path, 'utf8')) as { readonly description: unknown };
readDescription(description, 'description', problems);
for (const { path: where, message } of problems) console.error(`${where}: ${message}`);
if (problems.length > 0) process.exit(1);
if ((process.env['TEST_HTTP_API_SECRET'] ?? '') === '') {
  console.error(`${path} is as the schema and the rules want it. To try it on the service, set TEST_HTTP_API_SECRET.`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/contract/http-api-live.test.ts'],
  { stdio: 'inherit', env: { ...process.env, TEST_HTTP_API: resolve(path) } },
);
process.exit(status ?? 1);
