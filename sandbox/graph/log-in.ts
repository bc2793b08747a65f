/** Entra's token endpoint for the client-credentials grant: `POST /{tenant}/oauth2/v2.0/token`. */
import { randomBytes } from 'node:crypto';
import type { HttpProblem, SandboxRequest, SandboxResponse } from '../http.ts';
import type { Application, Applications } from './applications.ts';
import { logInProblem } from './errors.ts';
import { isInTime, isSignedBy, readToken, signatureHolds } from './keys.ts';

/** Requests go round them in turn, as a load balancer would send them. */
const REPLICAS = 3;

export interface TokenEndpointOptions {
  readonly applications: Applications;
  readonly tenantId: string;
  readonly now: () => Date;
  readonly onToken: (token: string) => void;
  /** The endpoint's own, which assertions are made out to. */
  readonly origin: () => string;
}

export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;
  #turn = 0;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  /** What traffic calls the request: with the client id, without the secret. */
  static operation(request: SandboxRequest): string {
    return `${request.method} ${request.path} ${formOf(request).get('client_id') ?? ''}`.trim();
  }

  /** @throws HttpProblem as Entra refuses */
  answer(request: SandboxRequest): SandboxResponse {
    const { applications, tenantId } = this.#options;
    const [tenant = '', oauth2, version, token] = request.segments;
    if (request.method !== 'POST' || `${oauth2 ?? ''}/${version ?? ''}/${token ?? ''}` !== 'oauth2/v2.0/token') {
      return { status: 404 };
    }
    if (tenant.toLowerCase() !== tenantId) {
      const text = `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`;
      throw this.#refuse(400, 'invalid_request', 90002, text);
    }
    const form = formOf(request);
    this.#checkForm(form);
    const clientId = form.get('client_id') ?? '';
    const app = applications.byAppId(clientId);
    if (app === undefined) {
      const text = `Application with identifier '${clientId}' was not found in the directory 'Sandbox'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`;
      throw this.#refuse(400, 'unauthorized_client', 700016, text);
    }
    if (app.disabled) {
      throw this.#refuse(400, 'unauthorized_client', 7000112, `Application '${clientId}'(Sandbox) is disabled.`);
    }
    this.#turn = (this.#turn + 1) % REPLICAS;
    const lag = (this.#turn + 1) / REPLICAS;
    const assertion = form.get('client_assertion');
    if (assertion === null) this.#checkSecret(app, form.get('client_secret') ?? '', lag);
    else this.#checkAssertion(app, assertion, lag);
    const accessToken = randomBytes(48).toString('base64url');
    this.#options.onToken(accessToken);
    return {
      status: 200,
      headers: { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' },
      body: { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: accessToken },
    };
  }

  #checkSecret(app: Application, secret: string, lag: number): void {
    const verdict = this.#options.applications.verdict(app, secret, lag);
    if (verdict === 'unknown') {
      const text = `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app.appId}'.`;
      throw this.#refuse(401, 'invalid_client', 7000215, text);
    }
    if (verdict === 'expired') {
      const text = `The provided client secret keys for app '${app.appId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.`;
      throw this.#refuse(401, 'invalid_client', 7000222, text);
    }
  }

  /** By the rules of learn.microsoft.com/entra/identity-platform/certificate-credentials. */
  #checkAssertion(app: Application, assertion: string, lag: number): void {
    const { applications, tenantId, origin, now } = this.#options;
    const token = readToken(assertion);
    if (token === undefined) throw this.#refuse(400, 'invalid_request', 50027, 'JWT token is invalid or malformed.');
    const { aud, iss, sub, jti } = token.claims;
    if (iss !== app.appId || sub !== app.appId || typeof jti !== 'string') {
      throw this.#refuse(400, 'invalid_client', 700021, 'Client assertion application identifier doesn’t match.');
    }
    if (aud !== `${origin()}/${tenantId}/oauth2/v2.0/token`) {
      throw this.#refuse(401, 'invalid_client', 700023, `Client assertion audience claim does not match Realm issuer.`);
    }
    if (!isInTime(token, now())) {
      const text = `Client assertion is not within its valid time range. Current time: ${now().toISOString()}.`;
      throw this.#refuse(401, 'invalid_client', 700024, text);
    }
    const key = app.keys.find((one) => isSignedBy(token, one) && applications.knows(one, lag));
    const said = 'The certificate with identifier used to sign the client assertion is';
    if (key === undefined || !signatureHolds(token, key)) {
      throw this.#refuse(
        401,
        'invalid_client',
        700027,
        `${said} not registered on application. [Reason - The key was not found.]`,
      );
    }
    if (key.startDateTime > now() || key.endDateTime <= now()) {
      throw this.#refuse(
        401,
        'invalid_client',
        700027,
        `${said} expired on application. [Reason - The key used is expired.]`,
      );
    }
  }

  #checkForm(form: URLSearchParams): void {
    if (form.get('grant_type') !== 'client_credentials') {
      const text = "The request body must contain the following parameter: 'grant_type'.";
      throw this.#refuse(400, 'invalid_request', 900144, text);
    }
    const assertion = form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    if ((form.get(assertion ? 'client_assertion' : 'client_secret') ?? '') === '') {
      const text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
      throw this.#refuse(401, 'invalid_client', 7000218, text);
    }
    const scope = form.get('scope') ?? '';
    if (scope.endsWith('/.default')) return;
    const text = `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`;
    throw this.#refuse(400, 'invalid_scope', 1002012, text);
  }

  #refuse(status: number, error: string, code: number, message: string): HttpProblem {
    return logInProblem(status, error, code, message, this.#options.now());
  }
}

function formOf(request: SandboxRequest): URLSearchParams {
  return new URLSearchParams(request.body.toString('utf8'));
}
