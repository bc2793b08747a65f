import type { TokenCredential } from '@azure/core-auth';
import { asBlocker } from '../../azure/rest-errors.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Blocker, Call, CertificatesPort, Clock, Issued, Pending, Rotator, Target } from '../../rotation/ports.ts';
import { listCommand } from '../entra/graph-errors.ts';
import { LABEL, labelled } from '../entra/graph.ts';
import { LogIn } from '../entra/log-in.ts';
import { accepted, IN_A_ROW, isYoung, SET_PATIENCE_MS, TEST_PATIENCE_MS } from '../entra/propagation.ts';
import { parseTags, splitSource, type EntraCertificateConfig } from './config.ts';
import { readHolding, type Holding } from './holding.ts';
import { canSign, withAssertion, type Signer } from './jwt.ts';
import { KeyCredentials, type Application } from './key-credentials.ts';
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
    const keyId =
      known ??
      (await graph.add(
        application,
        holding,
        `${LABEL} ${pending.rotationId}`,
        await signer(config, application, { prefer: held }, call),
        call,
      ));
    registered.set(keyId, clock.now());
    const { appId } = application;
    // Whatever comes of it: `test` asks the same question and has the last word.
    await accepted(
      () => logIn.problem(appId, withAssertion(holding, appId, clock.now()), call),
      { clock, inARow: 1, until, firstMs: known === undefined ? 3_000 : 0, asked: logIn.asked(appId, true) },
      call,
    );
    return { credentialId: keyId, slot: keyId, value: holding.value, notAfter: holding.notAfter };
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
    const newest = await source.newest(config.certificate, call);
    const problem = source.isNext(newest, held)
      ? source.problem(config.certificate, newest, held)
      : await source.renewalProblem(config.certificate, call);
    return problem === undefined ? blockers : [...blockers, inTheWay(problem)];
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
      return credentials.map(({ keyId, displayName, endsOn }) => ({
        credentialId: keyId,
        slot: keyId,
        ...labelled(displayName),
        ...(endsOn === undefined ? {} : { notAfter: endsOn }),
      }));
    },
    set,
    test,
    revoke: (target, slot, _how, call) => revoke(target, slot, call),
    async isUpToDate({ config }, issued, call) {
      return !source.isNext(await source.newest(config.certificate, call), await readHolding(issued.value));
    },
  };
}

/** The key id that the application has the certificate under; with `keyId` only if it is that one. */
function registrationOf({ thumbprint }: Holding, { credentials }: Application, keyId?: string): string | undefined {
  return credentials.find((one) => one.thumbprint === thumbprint && (keyId === undefined || one.keyId === keyId))
    ?.keyId;
}

/**
 * Registered by an attempt whose answer was lost, or by a person: it is taken as it is. One that another rotation has made may be
 * what another secret hands out and one day removes, so this one gets a key id of its own. That an application may have a
 * certificate twice is not verified [U]; where Graph refuses it, the run is blocked by its words.
 */
function ownRegistration(
  { thumbprint }: Holding,
  rotationId: string,
  { credentials }: Application,
): string | undefined {
  const same = credentials.filter((one) => one.thumbprint === thumbprint);
  const by = (one: (typeof same)[number]): string => labelled(one.displayName).rotationId ?? rotationId;
  return same.find((one) => by(one) === rotationId)?.keyId;
}

function rejected(message: string): RotationError {
  return new RotationError({ code: 'CREDENTIAL_REJECTED', recovery: 'retry', message });
}

function noneWhereAbsent(error: unknown): undefined {
  if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return undefined;
  throw error;
}

function inTheWay(problem: RotationError): Blocker {
  const { code, message, remedy = '' } = problem;
  return code === 'HUMAN_REQUIRED' ? { code, message, remedy } : asBlocker(problem);
}

/**
 * After the overlap the certificate that the tag names is removed. Where the value in the vault is another one, that would lock
 * out whoever uses the named one, and leave the one in the vault alive.
 */
function tagBlockers(named: string, held: Holding | undefined, application: Application): readonly Blocker[] {
  const meant = held === undefined ? undefined : registrationOf(held, application);
  // None that it could be: where it was removed, a forced rotation repairs that.
  if (held === undefined || meant === undefined) return [];
  if (registrationOf(held, application, named.toLowerCase()) !== undefined) return [];
  const list = listCommand({ anyId: application.app.anyId, credential: 'certificate' });
  const message = `the tag CredentialId says ${named}, but the application has the certificate in the vault under ${meant}`;
  const remedy = `Set the tag CredentialId=${meant} (give all tags of the secret, the command replaces them): az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags CredentialId=${meant} ...; the certificates are listed by: ${list}`;
  return [{ code: 'CONFIG_INVALID', message, remedy }];
}
