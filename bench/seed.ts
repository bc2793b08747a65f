import { randomBytes } from 'node:crypto';
import type { MysqlService } from '../sandbox/mysql/mysql.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

export const ROTATORS = ['postgres', 'sql-server', 'storage-account'] as const;
/** One account, whose password is replaced in place. */
export const SINGLE = ['postgres-single', 'sql-server-single', 'mysql-single'] as const;
export type RotatorKind = (typeof ROTATORS)[number] | (typeof SINGLE)[number];

export interface Where {
  readonly vault: string;
  readonly expiresInMs: number;
}

/** A single account of its own on this MariaDB or MySQL, and the secret that holds its password. Past the wire. */
export async function seedMysql(sandbox: Sandbox, mysql: MysqlService, name: string, where: Where): Promise<void> {
  const { user, password, alternate } = await mysql.createPair({ name: name.replaceAll('-', '').slice(0, 24) });
  await mysql.query(`DROP USER \`${alternate}\`@'%'`);
  const value = `mysql://${user}:${password}@${mysql.address.replace('mysql://', '')}`;
  const tags = { CredentialId: user, ProviderAddress: mysql.address, Rotator: 'mysql-single' };
  sandbox.vault.seed(where.vault, name, { value, expiresInMs: where.expiresInMs, tags });
}

/** A managed secret and the pair of credentials behind it, both made for it alone. Past the wire. */
export async function seed(sandbox: Sandbox, rotator: RotatorKind, name: string, where: Where): Promise<void> {
  if (rotator === 'mysql-single') return seedMysql(sandbox, sandbox.mysql, name, where);
  const { value, tags } = await pairOf(sandbox, rotator, name);
  sandbox.vault.seed(where.vault, name, { value, expiresInMs: where.expiresInMs, tags });
}

interface Made {
  readonly value: string;
  readonly tags: Readonly<Record<string, string>>;
}

async function pairOf(sandbox: Sandbox, rotator: Exclude<RotatorKind, 'mysql-single'>, name: string): Promise<Made> {
  if (rotator === 'postgres-single' || rotator === 'sql-server-single') {
    const { value, tags } = await pairOf(sandbox, rotator === 'postgres-single' ? 'postgres' : 'sql-server', name);
    const { AlternateCredentialId: _, ...alone } = tags;
    return { value, tags: { ...alone, Rotator: rotator } };
  }
  return madeFor(sandbox, rotator, name);
}

async function madeFor(
  { postgres, tds, arm }: Sandbox,
  rotator: (typeof ROTATORS)[number],
  name: string,
): Promise<Made> {
  const account = name.replaceAll('-', '');
  const pair = { CredentialId: `${account}_a`, AlternateCredentialId: `${account}_b` };
  switch (rotator) {
    case 'postgres': {
      const { user, password } = await postgres.createPair({
        name: pair.CredentialId,
        alternate: pair.AlternateCredentialId,
      });
      return {
        value: `postgresql://${user}:${password}@${postgres.address}?sslmode=verify-full`,
        tags: { ...pair, ProviderAddress: postgres.address },
      };
    }
    case 'sql-server': {
      const password = `Bench-1a-${randomBytes(18).toString('base64url')}`;
      for (const login of Object.values(pair)) tds.addLogin(login, password);
      return {
        value: `Server=tcp:${tds.name},${tds.port};Database=appdb;User ID=${pair.CredentialId};Password=${password};Encrypt=True;`,
        tags: { ...pair, ProviderAddress: `${tds.name}:${tds.port}/appdb` },
      };
    }
    case 'storage-account': {
      const { id, keys } = arm.createAccount(account);
      return { value: keys.key1, tags: { CredentialId: 'key1', ProviderAddress: id } };
    }
  }
}
