import type { TokenCredential } from '@azure/core-auth';
import { configInvalid, RotationError } from '../rotation/errors.ts';
import type { Administrator, Administrators, Call, NamedSecrets, ObjectRef } from '../rotation/ports.ts';
import { commonFailure, readFailure } from '../azure/remote.ts';
import { SecretValue } from '../rotation/secret-value.ts';

/** One entry of the setting KEYTURN_ADMINISTRATORS. */
export interface AdministratorSource {
  readonly matches: (host: string) => boolean;
  readonly user?: string;
  /** Absent: the app's managed identity gets a token. */
  readonly secret?: ObjectRef;
}

export interface AdministratorsDeps {
  /** The first entry that matches is taken. */
  readonly settings: { readonly administrators: readonly AdministratorSource[] };
  readonly secrets: Pick<NamedSecrets, 'read'>;
  readonly credential: () => Promise<TokenCredential>;
  /** Finds user and password in a JSON value or a connection string; the engine's own reader of values. */
  readonly parseValue: (value: SecretValue) => { readonly user?: string | undefined; readonly secret: SecretValue };
}

/**
 * The administrator of a host, from the settings alone: a tag can choose a host among those that the settings allow,
 * never a credential. Tokens are not kept here, for the credential keeps them itself.
 */
export function createAdministrators(deps: AdministratorsDeps): Administrators {
  return {
    async for(host, scope, call) {
      const source = deps.settings.administrators.find((one) => one.matches(host));
      if (source === undefined) throw unknownHost(host);
      if (source.secret === undefined) return token(deps, host, source.user ?? '', scope, call);
      const value = await deps.secrets.read(source.secret, call);
      if (source.user !== undefined) return { kind: 'password', user: source.user, password: value };
      return both(deps, source.secret, value);
    },
  };
}

function both(deps: AdministratorsDeps, secret: ObjectRef, value: SecretValue): Administrator {
  const { user, secret: password } = deps.parseValue(value);
  if (user !== undefined && user !== '') return { kind: 'password', user, password };
  throw configInvalid(
    'the administrator cannot be used',
    [
      {
        path: 'settings.KEYTURN_ADMINISTRATORS',
        message: `the value of ${secret.vault}/secrets/${secret.name} holds no user`,
      },
    ],
    'Name the user beside the secret in KEYTURN_ADMINISTRATORS, or store JSON with user and password.',
  );
}

async function token(
  deps: AdministratorsDeps,
  host: string,
  user: string,
  scope: string,
  call: Call,
): Promise<Administrator> {
  const doing = `getting a token of the app's identity for ${host} (${scope})`;
  try {
    const credential = await deps.credential();
    const got = await credential.getToken(scope, { abortSignal: call.signal });
    if (got !== null) return { kind: 'token', user, token: new SecretValue(got.token) };
  } catch (error) {
    const failure = readFailure(error, call.now());
    const known = failure === undefined ? undefined : commonFailure(failure, { doing, writes: false });
    throw known ?? error;
  }
  throw new RotationError({
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    message: `${doing}: there is none`,
    remedy: 'Give the app a managed identity: az functionapp identity assign --name <app> --resource-group <group>',
  });
}

function unknownHost(host: string): RotationError {
  return configInvalid(
    `there is no administrator for ${host}`,
    [{ path: 'settings.KEYTURN_ADMINISTRATORS', message: `has no entry for ${host}` }],
    `Add it to KEYTURN_ADMINISTRATORS: {"${host}": {"user": "<name>", "managedIdentity": true}} or {"${host}": {"user": "<name>", "secret": "https://<vault>/secrets/<name>"}}`,
  );
}
