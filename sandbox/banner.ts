/** What `npm run sandbox` prints: addresses, and commands to paste into a shell of the same machine. */
import { hostsOf } from './consumers/consumers.ts';
import { SIGNED } from './consumers/holder.ts';
import type { Host } from './host/host.ts';
import type { Sandbox } from './sandbox.ts';

export function banner(sandbox: Sandbox, host: Host | undefined): string {
  const width = Math.max(...Object.keys(sandbox.addresses).map((name) => name.length));
  const lines = Object.entries(sandbox.addresses).map(([name, address]) => `  ${name.padEnd(width)}  ${address}`);
  return [
    'The sandbox runs. Ctrl-C stops it and removes everything.',
    '',
    ...lines,
    '',
    ...(host === undefined ? [] : runbook(sandbox, host)),
    ...(host === undefined ? [] : consumers(sandbox, host)),
    ...vaultCommands(sandbox),
    ...databaseCommands(sandbox),
    ...controlCommands(sandbox),
  ].join('\n');
}

function runbook(sandbox: Sandbox, host: Host): string[] {
  const json = "-H 'content-type: application/json'";
  const curl = `curl -s -H 'x-functions-key: ${host.keys.default}'`;
  return [
    '# The app: what is managed, a plan, a rotation, its steps',
    `${curl} ${host.url('/api/health')}`,
    `${curl} ${host.url('/api/inventory')}`,
    `${curl} ${json} -d '{"vault":"kv","name":"orders-db","reason":"manual","force":true,"dryRun":true}' ${host.url('/api/rotations')}`,
    `${curl} ${json} -d '{"vault":"kv","name":"orders-db","reason":"manual","force":true}' ${host.url('/api/rotations')}`,
    `${curl} '${host.url('/api/rotations')}?vault=kv&name=orders-db'`,
    '# or let a month pass, and the events do it',
    `${post(sandbox, '/clock/advance')} -d '{"days":31}'`,
    '',
  ];
}

function consumers({ caFile, tls }: Sandbox, host: Host): string[] {
  const [name] = hostsOf(SIGNED);
  const curl = `curl -s -H 'x-functions-key: ${host.keys.default}'`;
  const json = `-H 'content-type: application/json' -d '{"vault":"kv","name":"${SIGNED}"}'`;
  return [
    '# Who uses a certificate: told, then shown, then asked for it',
    `${curl} ${json} ${host.url('/api/propagations')}`,
    `${curl} '${host.url('/api/consumers')}?vault=kv&name=${SIGNED}'`,
    `openssl s_client -connect 127.0.0.1:${tls.port} -servername ${name} -CAfile ${caFile} </dev/null | openssl x509 -noout -subject -enddate`,
    '',
  ];
}

function vaultCommands(sandbox: Sandbox): string[] {
  const url = sandbox.vault.url('kv');
  const { hostname, port } = new URL(url);
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = sandbox.identity.env;
  const ask = `${IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=https%3A%2F%2Fvault.sandbox.test`;
  const curl = `curl -s --cacert ${sandbox.caFile} --resolve ${hostname}:${port}:127.0.0.1 -H "authorization: Bearer $TOKEN"`;
  const version = 'api-version=2026-04-01';
  return [
    '# The vault, as `az keyvault secret list|show|set` would ask it',
    `TOKEN=$(curl -s -H 'x-identity-header: ${IDENTITY_HEADER}' '${ask}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `${curl} '${url}/secrets?${version}'`,
    `${curl} '${url}/secrets/orders-db/?${version}'`,
    `${curl} -X PUT -H 'content-type: application/json' -d '{"value":"s3cret"}' '${url}/secrets/my-secret?${version}'`,
    '',
  ];
}

function databaseCommands(sandbox: Sandbox): string[] {
  const { postgres, tds, caFile } = sandbox;
  const user = `${postgres.admin.user}:${encodeURIComponent(postgres.admin.password)}`;
  const options = `hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}`;
  return [
    '# The databases',
    `psql 'postgresql://${user}@${postgres.host}:${postgres.port}/${postgres.database}?${options}'`,
    ...('mysql' in sandbox.addresses ? [mariadb(sandbox)] : []),
    `sqlcmd -S 127.0.0.1,${tds.port} -U ${tds.admin.user} -P '${tds.admin.password}' -C -Q 'SELECT SUSER_SNAME()'`,
    '',
  ];
}

function mariadb({ mysql: { admin, port, database }, caFile }: Sandbox): string {
  return `mariadb --no-defaults -h 127.0.0.1 -P ${port} -u ${admin.user} -p'${admin.password}' --ssl-ca=${caFile} ${database}`;
}

function controlCommands(sandbox: Sandbox): string[] {
  const origin = sandbox.control.origin();
  return [
    '# The sandbox itself: what crossed the wire, events, faults, refusals',
    `curl -s ${origin}/traffic`,
    `curl -s ${origin}/events`,
    `curl -s ${origin}/topic`,
    `${post(sandbox, '/faults')} -d '{"system":"vault","match":"^PUT /secrets/","times":1,"action":{"drop":"after"}}'`,
    `${post(sandbox, '/vaults/kv/access')} -d '{"deny":"ForbiddenByRbac","actions":["set"]}'`,
    `${post(sandbox, '/vaults/kv/access')} -d '{"allow":true}'`,
  ];
}

function post(sandbox: Sandbox, path: string): string {
  return `curl -s ${sandbox.control.origin()}${path} -H 'content-type: application/json'`;
}
