import { SecretValue } from '../rotation/secret-value.ts';
import { setting, type Env, type Report } from './values.ts';

/** The storage account of journal, ledger and queues: by connection string, or by identity with both addresses. */
export interface StorageSettings {
  readonly connectionString?: SecretValue;
  readonly queueUri?: string;
  readonly tableUri?: string;
  /** Client id of the identity for storage, where it is not the app's. */
  readonly clientId?: string;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** The names are those of the platform's own queue triggers, so that one set of settings serves both. */
export function readStorage(env: Env, report: Report): StorageSettings {
  const connection = setting(env, 'KeyturnStorage');
  const clientId = setting(env, 'KeyturnStorage__clientId');
  const account = setting(env, 'KeyturnStorage__accountName');
  const queueUri = setting(env, 'KeyturnStorage__queueServiceUri') ?? address(account, 'queue');
  const tableUri = setting(env, 'KeyturnStorage__tableServiceUri') ?? address(account, 'table');
  const identity = clientId === undefined ? {} : { clientId };
  if (connection !== undefined) {
    checkConnection(connection, report);
    return { connectionString: new SecretValue(connection), ...identity };
  }
  if (queueUri === undefined && tableUri === undefined) {
    report(
      'KeyturnStorage',
      'is required: set KeyturnStorage__queueServiceUri and KeyturnStorage__tableServiceUri (identity), KeyturnStorage__accountName (identity, public cloud), or KeyturnStorage (connection string)',
    );
    return identity;
  }
  checkUri('KeyturnStorage__queueServiceUri', queueUri, report);
  checkUri('KeyturnStorage__tableServiceUri', tableUri, report);
  return {
    ...identity,
    ...(queueUri === undefined ? {} : { queueUri: queueUri.replace(/\/$/, '') }),
    ...(tableUri === undefined ? {} : { tableUri: tableUri.replace(/\/$/, '') }),
  };
}

function address(account: string | undefined, service: 'queue' | 'table'): string | undefined {
  return account === undefined ? undefined : `https://${account}.${service}.core.windows.net`;
}

function checkUri(name: string, uri: string | undefined, report: Report): void {
  if (uri === undefined) {
    report(name, 'is required when the storage account is reached by identity');
    return;
  }
  // A token is sent there: never without TLS.
  if (!URL.canParse(uri) || new URL(uri).protocol !== 'https:') report(name, 'is not an https address');
}

/** The string itself is never repeated: it holds the account's key. */
function checkConnection(text: string, report: Report): void {
  if (/^UseDevelopmentStorage=true;?/i.test(text)) return;
  const parts = new Map(
    text
      .split(';')
      .filter((part) => part.trim() !== '')
      .map((part) => [part.split('=', 1)[0]?.trim().toLowerCase() ?? '', part.slice(part.indexOf('=') + 1).trim()]),
  );
  const keyed = parts.has('accountname') && parts.has('accountkey');
  if (!keyed && !parts.has('sharedaccesssignature')) {
    report(
      'KeyturnStorage',
      'is not a storage connection string: it has neither AccountName and AccountKey nor SharedAccessSignature',
    );
  }
  const plain = [...parts].filter(([name, value]) => name.endsWith('endpoint') && value.startsWith('http:'));
  for (const [name, value] of plain) {
    if (!URL.canParse(value) || !LOOPBACK.test(new URL(value).hostname)) {
      report('KeyturnStorage', `its ${name} is reached without TLS; only a local emulator may be`);
    }
  }
  if (parts.get('defaultendpointsprotocol')?.toLowerCase() === 'http' && !parts.has('tableendpoint')) {
    report('KeyturnStorage', 'its DefaultEndpointsProtocol is http; write https');
  }
}
