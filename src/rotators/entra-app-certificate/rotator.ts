import type { TokenCredential } from '@azure/core-auth';
import { asBlocker } from '../../azure/rest-errors.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Blocker, Call, CertificatesPort, Clock, Issued, Pending, Rotator, Target } from '../../rotation/ports.ts';
import { asLive, LABEL } from '../entra/graph.ts';
import { LogIn } from '../entra/log-in.ts';
import { accepted, IN_A_ROW, isYoung, SET_PATIENCE_MS, TEST_PATIENCE_MS } from '../entra/propagation.ts';
import { parseTags, splitSource, type EntraCertificateConfig } from './config.ts';
import { readHolding, type Holding } from './holding.ts';
import { canSign, withAssertion, type Signer } from './jwt.ts';
import { KeyCredentials, type Application } from './key-credentials.ts';
import { ownRegistration, registrationOf, tagBlockers } from './registration.ts';
import { Source } from './source.ts';

export interface EntraAppCertificateDeps {
  /** Called once, at the first request. */
  readonly credential: () => Promise<TokenCredential>;
  /** Microsoft Graph's origin: `https://graph.microsoft.com` in the public cloud. */
  readonly graphEndpoint: string;
  /** The token endpoint's origin: `https://login.microsoftonline.com` in the public cloud. */
  readonly loginEndpoint: string;
  /** Id or domain of the applications' tenant; absent: that of the app's own identity. */
  readonly tenant?: string;
  /** Waits for a renewal and for a new certificate to be known everywhere, and dates what is signed. */
  readonly clock: Clock;
  readonly certificates: CertificatesPort;
  /** Is this vault one that the settings serve? */
  readonly serves: (vault: string) => boolean;
}

type T = Target<EntraCertificateConfig>;

/**
 * Certificates as credentials of an application in Entra. Readers read an ordinary secret; what it is to hold next is the newest
 * version of a certificate in the vault, which the application is made to know first. See README.md in this folder.
 */
export function entraAppCertificateRotator(deps: EntraAppCertificateDeps): Rotator<EntraCertificateConfig> {
  const origin = new URL(deps.graphEndpoint);
  const identity = { credential: deps.credential, scope: `https://${origin.hostname}/.default` };
  const { clock } = deps;
  const graph = new KeyCredentials(origin, identity, () => clock.now());
  const logIn = new LogIn({ endpoint: new URL(deps.loginEndpoint), tenant: deps.tenant, graph: identity });
  const source = new Source(deps.certificates, clock);
  /** Since when; a certificate's own dates do not tell when it was registered. Another worker registers it anew. */
  const registered = new Map<string, Date>();
  const inTime = (ms: number): Date => new Date(clock.now().getTime() + ms);

  async function set({ config }: T, pending: Pending, call: Call): Promise<Issued | 'pending'> {
    const until = inTime(SET_PATIENCE_MS);
    // Whatever can fail without a new credential fails before there is one.
    await logIn.tenant(call);
    const application = await graph.application(config.app, call);
    const held = await readHolding(pending.current.value);
    const [blocker] = tagBlockers(pending.current.credentialId, held, application);
    if (blocker !== undefined) throw new RotationError({ recovery: 'reconfigure', ...blocker });
    const next = await source.next(config.certificate, held, call);
    if (next === 'pending') return next;
    const { holding } = next;
    const problem = source.problem(config.certificate, next, held);
    if (problem !== undefined || !canSign(holding)) throw problem ?? new TypeError('a key that signs was found before');
    const known = ownRegistration(holding, pending.rotationId, application);
    const { keyId, ...whose } = known ?? {
      keyId: await register(config, application, { holding, held, pending }, call),
    };
    registered.set(keyId, clock.now());
    const { appId } = application;
    // Whatever comes of it: `test` asks the same question and has the last word.
    await accepted(
      () => logIn.problem(appId, withAssertion(holding, appId, clock.now()), call),
      { clock, inARow: 1, until, firstMs: known === undefined ? 3_000 : 0, asked: logIn.asked(appId, true) },
      call,
    );
    return { credentialId: keyId, slot: keyId, value: holding.value, notAfter: holding.notAfter, ...whose };
  }

  async function register(
    config: EntraCertificateConfig,
    application: Application,
    of: { readonly holding: Holding; readonly held: Holding | undefined; readonly pending: Pending },
    call: Call,
  ): Promise<string> {
    const by = await signer(config, application, { prefer: of.held }, call);
    return graph.add(application, of.holding, `${LABEL} ${of.pending.rotationId}`, by, call);
  }

  async function test({ config }: T, issued: Issued, call: Call): Promise<void> {
    const until = inTime(TEST_PATIENCE_MS);
    const held = await readHolding(issued.value);
    if (!canSign(held)) throw rejected('the value is no certificate with an RSA key of its own');
    const application = await graph.application(config.app, call);
    const { appId } = application;
    const keyId = issued.credentialId.toLowerCase();
    // The key id is what a revoke goes by: it has to be that of the certificate in the value.
    if (registrationOf(held, application, keyId) === undefined) {
      throw rejected(`the application ${appId} does not have the certificate in the value under the key id ${keyId}`);
    }
    const ask = () => logIn.problem(appId, withAssertion(held, appId, clock.now()), call);
    const young = isYoung(registered.get(keyId), clock.now());
    const patience = { clock, inARow: IN_A_ROW, until, firstMs: 0, asked: logIn.asked(appId) };
    const problem = young ? await accepted(ask, patience, call) : await ask();
    if (problem !== undefined) throw problem;
  }

  /** Who can prove to hold a valid certificate of the application: the preferred one, or a version of the source. */
  async function signer(
    { certificate }: EntraCertificateConfig,
    { credentials }: Application,
    { prefer, except }: { readonly prefer?: Holding | undefined; readonly except?: string },
    call: Call,
  ): Promise<Signer | undefined> {
    const now = clock.now();
    const valid = credentials
      .filter(
        ({ keyId, endsOn, startsOn }) =>
          keyId !== except && !(endsOn && endsOn <= now) && !(startsOn && startsOn > now),
      )
      .map(({ thumbprint }) => thumbprint);
    if (canSign(prefer) && valid.includes(prefer.thumbprint)) return prefer;
    return source.signer(certificate, valid, call);
  }

  async function revoke({ config }: T, slot: string, call: Call): Promise<void> {
    const keyId = slot.toLowerCase();
    const application = await graph.application(config.app, call).catch(noneWhereAbsent);
    if (application?.credentials.some((one) => one.keyId === keyId) !== true) return;
    await graph.remove(application, keyId, await signer(config, application, { except: keyId }, call), call);
  }

  async function check({ config }: T, current: Issued, call: Call): Promise<readonly Blocker[]> {
    await logIn.tenant(call);
    const held = await readHolding(current.value);
    const blockers = tagBlockers(current.credentialId, held, await graph.application(config.app, call));
    const problem = await source.inTheWay(config.certificate, held, call);
    return problem === undefined ? blockers : [...blockers, { ...toBlocker(problem), about: 'next' }];
  }

  return {
    kind: 'entra-app-certificate',
    capabilities: { minting: 'system', overlap: 'many', revocable: true, proof: 'log-in' },
    claims: (address) => splitSource(address) !== undefined,
    parseTarget: (input) => parseTags(input, deps.serves, [graph.host, logIn.host]),
    describe: ({ config: { app, certificate } }) => [
      `GET https://${graph.host}/v1.0${app.path}?$select=id,appId,keyCredentials (reads its certificates, without keys)`,
      `GET ${certificate.vault}/secrets/${certificate.name} (the newest version of the certificate, with its key)`,
      `POST ${certificate.vault}/certificates/${certificate.name}/create, if the secret holds that version already`,
      `POST https://${graph.host}/v1.0${app.path}/addKey (registers it, named ${LABEL} <rotation id>)`,
      `POST https://${logIn.host}/<tenant>/oauth2/v2.0/token, until the new certificate is accepted`,
    ],
    async check(target, _slot, current, call) {
      try {
        return await check(target, current, call);
      } catch (error) {
        return [asBlocker(error)];
      }
    },
    async list({ config }, call) {
      const { credentials } = await graph.application(config.app, call);
      return credentials.map(asLive);
    },
    set,
    test,
    revoke: (target, slot, _how, call) => revoke(target, slot, call),
    async isUpToDate({ config }, issued, call) {
      return !source.isNext(await source.newest(config.certificate, call), await readHolding(issued.value));
    },
  };
}

function rejected(message: string): RotationError {
  return new RotationError({ code: 'CREDENTIAL_REJECTED', recovery: 'retry', message });
}

function noneWhereAbsent(error: unknown): undefined {
  if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return undefined;
  throw error;
}

function toBlocker(problem: RotationError): Blocker {
  const { code, message, remedy = '' } = problem;
  return code === 'HUMAN_REQUIRED' ? { code, message, remedy } : asBlocker(problem);
}
