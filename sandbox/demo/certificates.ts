/**
 * `npm run demo -- --certificates`: a certificate that signs itself, one that an authority signs, and a plain secret get new versions, and
 * everybody who uses them has those in the end, while a client connects to every host name without pause.
 */
import { versionsInUse } from '../consumers/app-service.ts';
import { CONSUMERS, hostsOf, seedConsumers } from '../consumers/consumers.ts';
import { PLAIN, SELF_SIGNED, SIGNED } from '../consumers/holder.ts';
import type { Host } from '../host/host.ts';
import { startSandbox, type Sandbox } from '../sandbox.ts';
import { Adoptions, shortId, type Shown, type ShownConsumer } from './adoptions.ts';
import { renew, runsEnd } from './renewal.ts';
import { table } from './table.ts';
import { FLAWS, TlsClient, type Counts } from './tls-client.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3600_000;
/** The vault tells of the end thirty days before. */
const NEAR_MS = 30 * DAY_MS;
/** So long after the start it tells: until then it is seen who has the first versions. */
const WARNING_MS = 2 * 3600_000;
const FEWEST_HANDSHAKES = 500;
const OBJECTS = [SELF_SIGNED, SIGNED, PLAIN] as const;
const CERTIFICATES = [SELF_SIGNED, SIGNED] as const;
const SERVED = CERTIFICATES.flatMap((object) => hostsOf(object).map((host) => ({ host, object })));

interface Row {
  readonly object: string;
  readonly kind: string;
  readonly consumer: string;
  readonly state: string;
  /** On the sandbox's clock, since the app heard of the version; absent where it was not adopted. */
  readonly msToAdopt?: number;
  readonly proof: string;
  /** What to do, where there is something. */
  readonly whatToDo?: string;
}

export interface CertificatesReport {
  readonly consumers: readonly Row[];
  readonly client: Counts;
  readonly promises: Readonly<Record<string, boolean>>;
}

/** @returns the code to exit with */
export async function certificates(say: (line?: string) => void, json: boolean): Promise<number> {
  say('Starting Azurite, Key Vault, ARM, the services that serve certificates, Event Grid and the Functions host …');
  const sandbox = await startSandbox({ parts: ['eventgrid', 'topic', 'azurite', 'arm', 'tls'] });
  try {
    const report = await demonstrate(sandbox, say);
    if (json) console.log(JSON.stringify(report, undefined, 2));
    else tell(report, say);
    return Object.values(report.promises).every(Boolean) ? 0 : 1;
  } finally {
    await sandbox.stop();
  }
}

async function demonstrate(sandbox: Sandbox, say: (line?: string) => void): Promise<CertificatesReport> {
  const { clock } = sandbox.ctx;
  const host = await sandbox.startHost({
    appDir: 'package',
    env: {
      KEYTURN_CONSUMERS: JSON.stringify({ rewritePinned: true, apiManagement: 'push' }),
      // The vault's events are to do it: the sweep would find the certificates as well.
      KEYTURN_SWEEP_SCHEDULE: '0 0 0 1 1 *',
    },
  });
  // Of versions that were there before it, a subscription hears of no expiry.
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
  const warnedAt = clock.now().getTime() + WARNING_MS;
  const oldEnd = warnedAt + NEAR_MS;
  await seedConsumers(sandbox, { expiresInMs: oldEnd - clock.now().getTime() });
  say('Two certificates and a secret are there, and everybody who uses them. The app sees who has what …\n');
  const watch = new Adoptions(sandbox, host, say);
  await watch.settled(newestOf(sandbox));
  const client = new TlsClient(sandbox, SERVED);
  client.start();
  say(`\nA client connects to ${SERVED.length} host names without pause. Two certificates come near their expiry.\n`);
  clock.advance(Math.max(0, warnedAt - clock.now().getTime()));
  await renew(sandbox, host, say);
  const newest = newestOf(sandbox);
  say();
  const adoptions = await watch.settled(newest);
  await client.another();
  const isOver = await runsEnd(sandbox, host);
  clock.advance(Math.max(0, oldEnd - clock.now().getTime()) + MINUTE_MS);
  say('\nThe clock moves on: the old certificates have expired.');
  await client.another();
  while (client.counts.handshakes < FEWEST_HANDSHAKES) await client.another();
  const servesNewest = await Promise.all(SERVED.map((one) => client.servesNewest(one)));
  await client.stop();
  for (const failure of client.failures.slice(0, 5)) say(`failed: ${failure}`);
  return {
    consumers: OBJECTS.flatMap((object) => rows(object, adoptions.get(object))),
    client: client.counts,
    promises: {
      'every consumer was found, and has the new version': OBJECTS.every((object) =>
        allHave(object, newest.get(object) ?? '', adoptions.get(object)),
      ),
      'each that serves a certificate is proven by a handshake': provenByHandshake(adoptions),
      'every host name serves the new certificate at the end': servesNewest.every(Boolean),
      'the processes of the apps have the new value of the secret': versionsInUse(sandbox.arm).every(
        (version) => version === newest.get(PLAIN),
      ),
      "both renewals were begun by the vault's event, and are over": isOver,
      ...promisesOfTheClient(client.counts),
      'each was renewed once, though every event came twice': OBJECTS.every(
        (object) => sandbox.vault.peek('kv', object).length === 2,
      ),
      'no value is in log, ledger or announcement': silent(sandbox, host, adoptions),
    },
  };
}

function newestOf(sandbox: Sandbox): ReadonlyMap<string, string> {
  return new Map(OBJECTS.map((object) => [object, sandbox.vault.peek('kv', object).at(-1)?.id ?? '']));
}

function promisesOfTheClient({ handshakes, flaws }: Counts): Record<string, boolean> {
  return {
    'the client was always answered': handshakes >= FEWEST_HANDSHAKES && flaws['no answer'] === 0,
    'the client never saw a certificate that was expired, or not valid yet':
      flaws.expired === 0 && flaws['not yet valid'] === 0,
    "the client never saw another name, or a stranger's certificate": flaws['another name'] + flaws.foreign === 0,
  };
}

/** As many of each kind as there are, of this version, and nowhere could nobody look. */
function allHave(object: string, version: string, shown: Shown | undefined): boolean {
  if (shown?.version !== version || shown.gaps.length > 0) return false;
  const expected = CONSUMERS.flatMap(({ kind, uses }) => uses.filter((use) => use.object === object).map(() => kind));
  const found = shown.consumers.filter(({ state }) => state === 'verified').map(({ kind }) => kind);
  return expected.sort().join() === found.sort().join() && shown.consumers.length === found.length;
}

function provenByHandshake(adoptions: ReadonlyMap<string, Shown | undefined>): boolean {
  const serving = CERTIFICATES.flatMap((object) => adoptions.get(object)?.consumers ?? []);
  return serving.length > 0 && serving.every(({ proof }) => proof?.kind === 'handshake');
}

function rows(object: string, shown: Shown | undefined): readonly Row[] {
  return (shown?.consumers ?? []).map((consumer) => row(object, shown?.startedAt ?? '', consumer));
}

function row(object: string, startedAt: string, { id, kind, state, proof, detail, whatToDo }: ShownConsumer): Row {
  return {
    ...{ object, kind, state },
    consumer: shortId(id),
    ...(proof === undefined ? {} : { msToAdopt: Date.parse(proof.at) - Date.parse(startedAt) }),
    proof: proof === undefined ? `none: ${detail ?? 'it was not seen'}` : `${proof.kind}: ${proof.detail}`,
    ...(state === 'verified' ? {} : { whatToDo }),
  };
}

/** Searches what the service wrote for every value that the vault ever held, private keys among them. */
function silent({ vault, topic }: Sandbox, host: Host, adoptions: ReadonlyMap<string, Shown | undefined>): boolean {
  const written = [host.output(), JSON.stringify([...adoptions]), JSON.stringify(topic.received)].join('\n');
  return vault.writtenValues().every((value) => !written.includes(value));
}

function tell({ consumers, client, promises }: CertificatesReport, say: (line?: string) => void): void {
  say();
  const head = ['object', 'consumer', 'kind', 'state', 'time to adopt', 'proof'];
  const body = consumers.map(({ object, consumer, kind, state, msToAdopt, proof }) => [
    ...[object, consumer, kind, state],
    ...[msToAdopt === undefined ? '–' : duration(msToAdopt), brief(proof)],
  ]);
  for (const line of table([head, ...body])) say(line);
  for (const { consumer, whatToDo } of consumers) if (whatToDo !== undefined) say(`${consumer}: ${whatToDo}`);
  const flaws = FLAWS.map((flaw) => `${client.flaws[flaw]} ${flaw}`).join(', ');
  say(`\n${client.handshakes} handshakes by the client: ${flaws}.`);
  for (const [promise, kept] of Object.entries(promises)) say(`${kept ? 'kept  ' : 'BROKEN'}  ${promise}`);
}

/** Its first sentence, without what is the same for everybody here; `--json` has all of it. */
function brief(proof: string): string {
  return proof
    .replaceAll(/ at 127\.0\.0\.1:443/g, '')
    .replaceAll(/\/subscriptions\/\S+\/providers\/[^/]+\//g, '')
    .replaceAll(/\b([0-9a-f]{8})[0-9a-f]{24,}\b/gi, '$1…')
    .replace(/; its chain .*$/, '')
    .replaceAll(';', ',');
}

/** `17 s`, `4 min`, `3 h`, `3 d 0 h`. */
function duration(ms: number): string {
  const [seconds, minutes, hours] = [1_000, MINUTE_MS, 3600_000].map((unit) => Math.round(ms / unit)) as [
    number,
    number,
    number,
  ];
  if (seconds < 120) return `${seconds} s`;
  if (minutes < 120) return `${minutes} min`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
