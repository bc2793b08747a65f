import type { Administrator, Administrators, Call, Target } from '../../rotation/ports.ts';
import { readCatalogue, type Account, type Catalogue } from './catalogue.ts';
import { SqlConnection, SqlFailure, type ClientOptions } from './client.ts';
import type { SqlCloud, SqlServerConfig } from './config.ts';
import { translate, type Speaker } from './failures.ts';
import type { Form } from './sql.ts';

export interface AccessOptions extends ClientOptions {
  readonly administrators: Administrators;
  readonly cloud: SqlCloud;
  /** The Entra scope of Azure SQL. */
  readonly scope: string;
  /** What each host has turned out to be, kept from call to call. */
  readonly forms: Map<string, 'azure' | 'box'>;
}

/** The administrator's access to one server during one call. Driver errors leave it as RotationErrors. */
export class Access {
  readonly #options: AccessOptions;
  readonly #target: Target<SqlServerConfig>;
  readonly #call: Call;
  #administrator: Administrator | undefined;

  constructor(options: AccessOptions, target: Target<SqlServerConfig>, call: Call) {
    this.#options = options;
    this.#target = target;
    this.#call = call;
  }

  /** Logs in to the database (default: the target's), does the work, and closes the connection whatever happens. */
  async run<T>(
    work: (connection: SqlConnection) => Promise<T>,
    { database = this.#target.config.database, about = '' } = {},
  ): Promise<T> {
    const { host, port } = this.#target.config;
    const { administrators, scope } = this.#options;
    this.#administrator ??= await administrators.for(`${host}:${port}`, scope, this.#call);
    const place = { host, port, database };
    const speaker: Speaker = { role: 'administrator', name: this.#administrator.user, place, about };
    let connection: SqlConnection | undefined;
    try {
      connection = await SqlConnection.open(place, this.#administrator, this.#options, this.#call.signal);
      return await work(connection);
    } catch (error) {
      throw translate(error, speaker);
    } finally {
      connection?.close();
    }
  }

  /**
   * Asks the catalogue, with one SELECT where it is known which catalogue the server has: from an answer before, or from
   * its name. Where the name misleads (a private name of Azure SQL) the answer tells, and it is asked once more.
   */
  async look(connection: SqlConnection, query: (form: Form) => string): Promise<{ catalogue: Catalogue; form: Form }> {
    const [a = '', b = ''] = this.#target.slots;
    const azure: Form = this.#target.config.database.toLowerCase() === 'master' ? 'azure-master' : 'azure';
    const formOf = (kind: 'azure' | 'box'): Form => (kind === 'azure' ? azure : 'box');
    const ask = async (kind: 'azure' | 'box'): Promise<Catalogue> =>
      readCatalogue(await connection.read(query(formOf(kind)), { a, b }), this.#target);
    const [host = ''] = this.#target.hosts;
    const { forms } = this.#options;
    const guess = forms.get(host) ?? (this.#looksLikeAzure() ? 'azure' : 'box');
    let catalogue = await ask(guess).catch((error: unknown) => {
      // 208, invalid object name: the view of the other edition.
      if (error instanceof SqlFailure && error.numbers.includes(208)) return undefined;
      throw error;
    });
    const right = catalogue === undefined ? other(guess) : catalogue.azure ? 'azure' : 'box';
    if (catalogue === undefined || right !== guess) catalogue = await ask(right);
    forms.set(host, right);
    return { catalogue, form: formOf(right) };
  }

  /** Changes an account where it lives: logins of Azure SQL Database in master, with one more log-in. */
  async alter(
    connection: SqlConnection,
    catalogue: Catalogue,
    account: Account,
    statements: readonly string[],
  ): Promise<void> {
    const work = async (place: SqlConnection): Promise<void> => {
      for (const statement of statements) await place.change(statement);
    };
    if (!catalogue.azure || account.kind === 'contained' || catalogue.database.toLowerCase() === 'master') {
      await work(connection);
      return;
    }
    connection.close();
    await this.run(work, { database: 'master', about: account.name });
  }

  /** `name.database.windows.net` is Azure SQL Database, on its own port only; a managed instance has its DNS zone in between. */
  #looksLikeAzure(): boolean {
    const { host, port } = this.#target.config;
    const { cloud } = this.#options;
    return port === cloud.port && host.endsWith(cloud.domain) && !host.slice(0, -cloud.domain.length).includes('.');
  }
}

function other(kind: 'azure' | 'box'): 'azure' | 'box' {
  return kind === 'azure' ? 'box' : 'azure';
}
