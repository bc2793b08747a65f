import type { TokenCredential } from '@azure/core-auth';
import { asBlocker } from '../../azure/rest-errors.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Blocker, Call, Clock, Issued, Pending, Rotator, Target } from '../../rotation/ports.ts';
import { splitAddress, type EntraApp } from '../entra/address.ts';
import { asLive, LABEL } from '../entra/graph.ts';
import { LogIn, withSecret } from '../entra/log-in.ts';
import { accepted, IN_A_ROW, isYoung, SET_PATIENCE_MS, TEST_PATIENCE_MS } from '../entra/propagation.ts';
import { GraphClient, type Application, type PasswordCredential } from './client.ts';
import { parseTags } from './config.ts';
import { hasHint } from './secret-hint.ts';

export interface EntraAppSecretDeps {
  /** Called once, at the first request. */
  readonly credential: () => Promise<TokenCredential>;
  /** Microsoft Graph's origin: `https://graph.microsoft.com` in the public cloud. */
  readonly graphEndpoint: string;
  /** The token endpoint's origin: `https://login.microsoftonline.com` in the public cloud. */
  readonly loginEndpoint: string;
  /** Id or domain of the applications' tenant; absent: that of the app's own identity. */
  readonly tenant?: string;
  /** Waits for a new secret to be known everywhere. */
  readonly clock: Clock;
}

/** A secret outlives the version that holds it by so much: a late rotation finds one that still works. */
const SLACK_MS = 7 * 24 * 3600_000;

/**
 * Client secrets of an application in Entra. Each rotation makes one more, which Entra mints, and old and new work until
 * the old one is removed. See README.md in this folder, and ../entra/propagation.ts for how a new one is waited for.
 */
export function entraAppSecretRotator(deps: EntraAppSecretDeps): Rotator<EntraApp> {
  const origin = new URL(deps.graphEndpoint);
  const identity = { credential: deps.credential, scope: `https://${origin.hostname}/.default` };
  const graph = new GraphClient(origin, identity);
  const logIn = new LogIn({ endpoint: new URL(deps.loginEndpoint), tenant: deps.tenant, graph: identity });
  const { clock } = deps;
  const inTime = (ms: number): Date => new Date(clock.now().getTime() + ms);

  async function set(target: Target<EntraApp>, pending: Pending, call: Call): Promise<Issued> {
    const { config } = target;
    const until = inTime(SET_PATIENCE_MS);
    // Whatever can fail without the new secret fails before there is one.
    await logIn.tenant(call);
    const application = await graph.application(config, call);
    const [blocker] = tagBlockers(target, pending.current, application);
    if (blocker !== undefined) throw new RotationError({ recovery: 'reconfigure', ...blocker });
    const wanted = {
      name: `${LABEL} ${pending.rotationId}`,
      endDates: endDates(pending.expiresOn),
      makeRoom: makeRoom(config, pending.current.credentialId, application),
    };
    const { keyId, text, endsOn } = await graph.addPassword(config, wanted, call);
    const { appId } = application;
    // Whatever comes of it: `test` asks the same question and has the last word.
    await accepted(
      () => logIn.problem(appId, withSecret(text), call),
      { clock, inARow: 1, until, firstMs: 3_000, asked: logIn.asked(appId, true) },
      call,
    );
    const issued = { credentialId: keyId, slot: keyId, value: text };
    return endsOn === undefined ? issued : { ...issued, notAfter: endsOn };
  }

  async function test({ config }: Target<EntraApp>, issued: Issued, call: Call): Promise<void> {
    const until = inTime(TEST_PATIENCE_MS);
    const { appId, credentials, readOn } = await graph.application(config, call);
    const ask = (): Promise<RotationError | undefined> => logIn.problem(appId, withSecret(issued.value), call);
    const patience = { clock, inARow: IN_A_ROW, until, firstMs: 0, asked: logIn.asked(appId) };
    const young = isYoung(find(credentials, issued.credentialId)?.startsOn, readOn);
    const problem = young ? await accepted(ask, patience, call) : await ask();
    if (problem !== undefined) throw problem;
  }

  return {
    kind: 'entra-app-secret',
    capabilities: { minting: 'system', overlap: 'many', revocable: true, proof: 'log-in' },
    claims: (address) => splitAddress(address) !== undefined,
    parseTarget(input) {
      const { id, keyId, config } = parseTags(input);
      return { id, slots: [], current: keyId, hosts: [graph.host, logIn.host], config };
    },
    describe: ({ config }) => [
      `GET https://${graph.host}/v1.0${config.path}?$select=appId,passwordCredentials (reads ids and dates of its secrets)`,
      `POST https://${graph.host}/v1.0${config.path}/addPassword (makes one more, named ${LABEL} <rotation id>)`,
      `POST https://${logIn.host}/<tenant>/oauth2/v2.0/token, until the new secret is accepted`,
    ],
    async check(target, _slot, current, call) {
      try {
        await logIn.tenant(call);
        return tagBlockers(target, current, await graph.application(target.config, call));
      } catch (error) {
        return [asBlocker(error)];
      }
    },
    async list(target, call) {
      const { credentials } = await graph.application(target.config, call);
      return credentials.map(asLive);
    },
    set,
    test,
    revoke: (target, slot, _how, call) => graph.removePassword(target.config, slot.toLowerCase(), call),
  };
}

function endDates(expiresOn: Date | undefined): readonly Date[] {
  return expiresOn === undefined ? [] : [new Date(expiresOn.getTime() + SLACK_MS), expiresOn];
}

function find(credentials: readonly PasswordCredential[], keyId: string): PasswordCredential | undefined {
  return credentials.find((one) => one.keyId === keyId.toLowerCase());
}

/**
 * After the overlap the secret that the tag names is removed. Where the value in the vault is another one, that would lock
 * out whoever uses the named one, and leave the one in the vault alive: Graph's hint of each secret tells. Whether every old
 * secret has such a hint is not known [?]: so what stops a rotation is not one that does not fit, but another one that does.
 */
function tagBlockers(
  { config }: Target<EntraApp>,
  { credentialId: named, value }: Issued,
  { credentials }: Application,
): readonly Blocker[] {
  const listed = find(credentials, named);
  if (listed !== undefined && hasHint(listed, value) !== false) return [];
  const meant = credentials.filter((one) => hasHint(one, value) === true);
  // None that it could be: where it was removed, a forced rotation repairs that.
  if (meant.length === 0) return [];
  const message = `the tag CredentialId says ${named}, but the value in the vault is another secret of the application`;
  const which = meant.length === 1 ? (meant[0]?.keyId ?? '') : '<key id>';
  const remedy =
    `Set the tag CredentialId=${which} (give all tags of the secret, the command replaces them): az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags CredentialId=${which} ...; ` +
    `the secrets are listed by: az ad app credential list --id ${config.anyId}`;
  return [{ code: 'CONFIG_INVALID', message, remedy }];
}

/** The oldest secret that the vault's current version does not hold, expired ones first, and how to remove it. */
function makeRoom(config: EntraApp, inUse: string, { credentials, readOn }: Application): string {
  const age = ({ startsOn, endsOn }: PasswordCredential): number =>
    endsOn !== undefined && endsOn < readOn ? 0 : (startsOn?.getTime() ?? 1);
  const [oldest] = credentials.filter((one) => one.keyId !== inUse.toLowerCase()).sort((a, b) => age(a) - age(b));
  const list = `az ad app credential list --id ${config.anyId}`;
  if (oldest === undefined) return `The application may have no more credentials: ${list}`;
  return `Remove the oldest one, if nobody needs it: az ad app credential delete --id ${config.anyId} --key-id ${oldest.keyId} (${list})`;
}
