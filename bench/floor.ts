/**
 * The floor of a PostgreSQL rotation: the same ten calls, with the same drivers and statements and rows of the same size, in
 * a straight loop that decides nothing, bounds nothing and survives nothing.
 */
import { randomBytes } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import pg from 'pg';
import { objectKey } from '../src/rotation/ids.ts';
import type { ObjectRef } from '../src/rotation/ports.ts';
import { SecretValue } from '../src/rotation/secret-value.ts';
import { POSTGRES_SCOPE } from '../src/rotators/postgres/rotator.ts';
import { scramVerifier } from '../src/rotators/postgres/scram.ts';
import { alterPassword, PAIR } from '../src/rotators/postgres/sql.ts';
import { SERVICE_SUFFIXES } from '../src/rotators/arm-key/rows.ts';
import { readSettings } from '../src/config/settings.ts';
import type { Stage } from './stage.ts';

const EXPIRES_IN_MS = 90 * 24 * 3600_000;

interface Row extends Record<string, unknown> {
  partitionKey: string;
  rowKey: string;
}

export class Floor {
  readonly #stage: Stage;
  readonly #object: ObjectRef;
  readonly #credential = new DefaultAzureCredential();
  readonly #vault: SecretClient;
  readonly #table: TableClient;
  readonly #journal: Row;
  readonly #ledger: Row;

  private constructor(stage: Stage, object: ObjectRef, rows: { readonly journal: Row; readonly ledger: Row }) {
    this.#stage = stage;
    this.#object = object;
    this.#vault = new SecretClient(object.vault, this.#credential);
    this.#table = tableOf(stage, this.#credential);
    this.#journal = { ...rows.journal, partitionKey: objectKey(object) };
    this.#ledger = { ...rows.ledger, partitionKey: objectKey(object) };
  }

  /** @param model a secret that the engine has rotated: the floor writes rows like its */
  static async of(stage: Stage, object: ObjectRef, model: ObjectRef): Promise<Floor> {
    const table = tableOf(stage, new DefaultAzureCredential());
    const filter = `PartitionKey eq '${objectKey(model)}'`;
    const rows: Row[] = [];
    for await (const row of table.listEntities({ queryOptions: { filter } })) rows.push(contentOf(row));
    const journal = rows.find(({ rowKey }) => rowKey === 'journal');
    const ledger = rows.find(({ rowKey }) => rowKey !== 'journal');
    if (journal === undefined || ledger === undefined) throw new Error('the engine has left no rows to copy');
    const floor = new Floor(stage, object, { journal, ledger });
    await floor.#table.createEntity(floor.#journal);
    return floor;
  }

  async rotate(): Promise<void> {
    const { name } = this.#object;
    const row = await this.#table.getEntity(this.#journal.partitionKey, this.#journal.rowKey);
    const { value = '', properties } = await this.#vault.getSecret(name);
    const url = new URL(value);
    await this.#session(url.username, url.password);
    const etag = await this.#write(row.etag);
    const slots = [properties.tags?.['CredentialId'] ?? '', properties.tags?.['AlternateCredentialId'] ?? ''] as const;
    const [current, idle] = slots;
    const password = new SecretValue(randomBytes(32).toString('base64url'));
    const token = await this.#credential.getToken(POSTGRES_SCOPE);
    const statement = alterPassword(idle, await scramVerifier(password));
    await this.#session(this.#stage.sandbox.postgres.entraAdmin, token.token, async (client) => {
      await client.query(PAIR, [slots]);
      await client.query(statement);
    });
    await this.#session(idle, password.reveal());
    Object.assign(url, { username: idle, password: password.reveal() });
    const expiresOn = new Date(this.#stage.sandbox.ctx.clock.now().getTime() + EXPIRES_IN_MS);
    const tags = { ...properties.tags, CredentialId: idle, AlternateCredentialId: current };
    await this.#vault.setSecret(name, url.href, { expiresOn, tags });
    await this.#write(etag);
  }

  async #write(etag: string): Promise<string> {
    const answer = await this.#table.submitTransaction([
      ['update', this.#journal, 'Replace', { etag }],
      ['upsert', this.#ledger, 'Replace'],
    ]);
    return answer.subResponses[0]?.etag ?? '';
  }

  /** Like the engine, it does not wait for the server's goodbye. */
  async #session(user: string, password: string, work?: (client: pg.Client) => Promise<void>): Promise<void> {
    const { host, port, database } = this.#stage.sandbox.postgres;
    const client = new pg.Client({
      ...{ host, port, database, user, password },
      application_name: 'keyturn',
      ssl: { rejectUnauthorized: true },
    });
    client.on('error', () => undefined);
    await client.connect();
    await work?.(client);
    void client.end();
  }
}

function tableOf({ sandbox }: Stage, credential: DefaultAzureCredential): TableClient {
  const { storage, table } = readSettings(sandbox.env, SERVICE_SUFFIXES);
  return new TableClient(storage.tableUri ?? '', table, credential);
}

/** Without what the service adds to a row. */
function contentOf(row: Readonly<Record<string, unknown>>): Row {
  const own = Object.entries(row).filter(([key]) => !['etag', 'timestamp', 'odata.metadata'].includes(key));
  return Object.fromEntries(own) as Row;
}
