import { parseJson, retryAfterMs, type Asked } from '../../azure/rest-errors.ts';
import { createRestClient, ownToken, type RestClient, type RestIdentity } from '../../azure/rest.ts';
import { configInvalid, RotationError } from '../../rotation/errors.ts';
import type { Call, SecretValue } from '../../rotation/ports.ts';
import { logInRefusal } from './log-in-errors.ts';

export interface LogInDeps {
  /** Origin of the token endpoint: `https://login.microsoftonline.com` in the public cloud. */
  readonly endpoint: URL;
  /** A tenant's id or domain; absent: the tenant of the app's own identity. */
  readonly tenant: string | undefined;
  /** The app's own identity at Microsoft Graph. Its scope is also what the log-in asks a token for: every application may. */
  readonly graph: RestIdentity;
}

/** The fields of the form that hold the credential, or what is signed with it. */
export type Proof = (tokenEndpoint: URL) => Readonly<Record<string, string>>;

export function withSecret(secret: SecretValue): Proof {
  return () => ({ client_secret: secret.reveal() });
}

/**
 * Logs in as the application: the client-credentials grant, learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
 * The token that comes back is dropped unread.
 */
export class LogIn {
  readonly host: string;
  readonly #deps: LogInDeps;
  readonly #rest: RestClient = createRestClient();
  #tenant: string | undefined;

  constructor(deps: LogInDeps) {
    this.#deps = deps;
    this.#tenant = deps.tenant;
    this.host = deps.endpoint.host;
  }

  /** What a log-in is called in an error. */
  asked(appId: string, mutates = false): Asked {
    return { what: `the log-in of ${appId}`, host: this.host, mutates };
  }

  /**
   * Finds out where to log in, so that a log-in later on cannot fail of it.
   * @throws CONFIG_INVALID when nothing tells the tenant, ACCESS_DENIED when the app's identity has no token
   */
  async tenant(call: Call): Promise<string> {
    return (this.#tenant ??= await this.#ownTenant(call));
  }

  /**
   * One request, never repeated.
   * @param proof what the form says of the credential, for the token endpoint that it goes to
   * @returns undefined when the credential was accepted; CREDENTIAL_REJECTED when it was refused; any other error when it could
   *   not be asked
   * @throws as `tenant` does
   */
  async problem(appId: string, proof: Proof, call: Call): Promise<RotationError | undefined> {
    const tenant = await this.tenant(call);
    const url = new URL(`/${tenant}/oauth2/v2.0/token`, this.#deps.endpoint);
    const asked = this.asked(appId);
    const form = {
      grant_type: 'client_credentials',
      client_id: appId,
      scope: this.#deps.graph.scope,
      ...proof(url),
    };
    try {
      const { status, text, header } = await this.#rest.send({ method: 'POST', url, form, ...asked }, call);
      if (status === 200) return undefined;
      const wait = retryAfterMs(header('retry-after'), call.now());
      return logInRefusal(status, parseJson(text), { ...asked, appId, tenant }, wait);
    } catch (error) {
      // Unanswered: for whoever waits for the secret to be accepted that is an answer like the others.
      if (error instanceof RotationError) return error;
      throw error;
    }
  }

  async #ownTenant(call: Call): Promise<string> {
    const { token } = await ownToken(this.#deps.graph, { abortSignal: call.signal });
    const tenant = tenantOf(token);
    if (tenant !== undefined) return tenant;
    const message = 'is not set, and the token of the app’s identity does not tell its tenant';
    throw configInvalid(
      'the settings of the app',
      [{ path: 'settings.KEYTURN_TENANT', message }],
      'az functionapp config appsettings set --name <app> --resource-group <group> --settings KEYTURN_TENANT=$(az account show --query tenantId --output tsv)',
    );
  }
}

/**
 * The tenant that issued an access token. Entra's tokens are not meant to be read by who carries them, and their form may
 * change [?]: then this gives undefined, and the setting is needed.
 */
export function tenantOf(token: string): string | undefined {
  const claims = parseJson(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const tid = typeof claims === 'object' && claims !== null && 'tid' in claims ? claims.tid : undefined;
  return typeof tid === 'string' && /^[0-9a-f-]{36}$/i.test(tid) ? tid.toLowerCase() : undefined;
}
