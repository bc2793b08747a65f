import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { certificateOf, siteOf } from '../../sandbox/arm/services/web/state.ts';
import { createArmClient, type ArmClient } from '../../src/azure/arm/client.ts';
import type { ConsumerAdapter } from '../../src/consumers/adapter.ts';
import { createDiscovery, LOOK_MS } from '../../src/consumers/discovery.ts';
import { graphQuery, mayHold, quoted } from '../../src/consumers/graph.ts';
import { LONGEST_WAIT_MS } from '../../src/consumers/patience.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Call, Clock, Discovered, ObjectRef } from '../../src/rotation/ports.ts';
import { startStorageCloud, type StorageCloud } from '../support/storage-cloud.ts';

/* Discovery over the wire, with one adapter whose references the graph shows and one whose it does not. */

const OBJECT: ObjectRef = { kind: 'certificate', vault: 'https://kv-orders.vault.azure.net', name: 'shop-tls' };
const GROUP = 'resourceGroups/rg-sandbox';
const CERTIFICATE = 'Microsoft.Web/certificates/{name}';
const SITE = 'Microsoft.Web/sites/{name}';

let cloud: StorageCloud;
let arm: ArmClient;
const waits: number[] = [];
/** What ends a candidate's share of the time, the newest last. */
const shares: (() => void)[] = [];
/** How far the clock is ahead of the real one, in ms. */
let ahead = 0;
/** Waits pass at once, and are kept; shares of the time end when a test says so. */
const HASTY: Clock = {
  now: () => new Date(Date.now() + ahead),
  after: (ms, callback) => {
    if (ms > LONGEST_WAIT_MS) {
      shares.push(callback);
      return () => undefined;
    }
    // The token's own renewal is no wait of ours.
    waits.push(ms);
    const soon = setImmediate(callback);
    return () => clearImmediate(soon);
  },
};
const call = (signal = new AbortController().signal): Call => ({ signal, now: () => cloud.ctx.clock.now() });

function adapter(kind: string, types: readonly string[], inGraph: boolean, below: string): ConsumerAdapter {
  const unused = (): never => {
    throw new TypeError('discovery only finds');
  };
  return {
    kind,
    types,
    inGraph,
    objects: ['certificate', 'secret'],
    lagMs: { pushed: 1, follows: 1 },
    refresh: unused,
    confirm: unused,
    async find({ id }, object, call) {
      const request = { action: 'read', scope: id, role: 'Reader', mutates: false, found: true } as const;
      const query = { 'api-version': '2025-05-01' };
      const outcome = await arm.send({ ...request, method: 'GET', path: `${id}${below}`, query }, call);
      return JSON.stringify(outcome).includes(object.name) ? [{ kind, id, parent: id, hosts: [] }] : [];
    },
  };
}

const certificates = adapter('certificate', ['microsoft.web/certificates'], true, '');
const references = adapter('reference', ['microsoft.web/sites'], false, '/config/configreferences/appsettings');

function make(subscription: string, address: string, name: string, refers: boolean): string {
  const resource = cloud.arm.resources.create(`/subscriptions/${subscription}/${GROUP}`, address, { name });
  if (address === SITE) {
    const text = `@Microsoft.KeyVault(SecretUri=${OBJECT.vault}/secrets/${OBJECT.name}/)`;
    siteOf(resource).settings = { TLS: refers ? text : 'a-value-of-its-own' };
  } else {
    const vault = `/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv-orders`;
    Object.assign(certificateOf(resource), { keyVaultId: vault, keyVaultSecretName: refers ? 'Shop-TLS' : 'another' });
  }
  return resource.id;
}

const find = (
  subscriptions: readonly string[],
  adapters = [certificates, references],
  signal?: AbortSignal,
  only?: Discovered['gaps'],
): Promise<Discovered> =>
  createDiscovery({ adapters, arm, clock: HASTY, subscriptions }).find(OBJECT, call(signal), only);
const ids = ({ references }: Discovered): readonly string[] => references.map(({ id }) => id).sort();
const operations = (): readonly string[] => cloud.ctx.traffic.entries.map(({ operation }) => operation);
const isQuery = (operation: string): boolean => operation.includes('Microsoft.ResourceGraph');

/** The certificates, of which one never answers, and heeds no signal. @param then what happens once it is asked */
function hangingAt(mute: string, then: (endShare: () => void) => void): ConsumerAdapter {
  return {
    ...certificates,
    find: (...[resource, object, call]: Parameters<typeof certificates.find>) => {
      if (resource.id !== mute) return certificates.find(resource, object, call);
      const end = shares.at(-1) ?? (() => undefined);
      setImmediate(() => then(end));
      return new Promise<never>(() => undefined);
    },
  };
}

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ/);
  return error;
}

beforeAll(async () => {
  cloud = await startStorageCloud();
  arm = createArmClient({ ...cloud.deps, clock: HASTY });
});
afterAll(() => cloud.stop());

describe('the query', () => {
  it('ends a name where it should, whatever is in it', () => {
    expect(quoted("a' or type == 'b")).toBe(String.raw`'a\' or type == \'b'`);
    expect(quoted(String.raw`a\' or 1`)).toBe(String.raw`'a\\\' or 1'`);
    expect(quoted('a\n| take 1')).toBe("'a| take 1'");
    const name = "x') or true //";
    const text = graphQuery([certificates], { ...OBJECT, name });
    expect(text.split('\n')).toHaveLength(5);
    expect(text).toContain(String.raw`contains 'x\') or true //') or`);
  });

  it('asks by mention for what the graph shows, and for all of what it does not', () => {
    const text = graphQuery([certificates, references], OBJECT);
    expect(text).toContain(
      "where (type in~ ('microsoft.web/certificates') and ((tostring(properties) contains 'kv-orders' and tostring(properties) contains 'shop-tls') or tostring(properties) !contains 'vault')) or type in~ ('microsoft.web/sites')",
    );
    expect(graphQuery([references], OBJECT)).toContain("where type in~ ('microsoft.web/sites')\n");
    expect(text).toContain(
      "\n| project id, type, location, says = case(tostring(properties) contains 'kv-orders' and tostring(properties) contains 'shop-tls', 'object', tostring(properties) !contains 'vault', 'nothing', 'another')\n",
    );
  });

  it.each([
    [true, ['object', 'nothing']],
    ['mentioned', ['object']],
    [false, ['object', 'another', 'nothing']],
  ] as const)('lets a kind with inGraph %s be asked about what says %o, and nothing else', (inGraph, asked) => {
    const all = ['object', 'another', 'nothing'] as const;
    expect(all.filter((says) => mayHold({ inGraph }, says))).toEqual(asked);
  });

  it('of another shape is refused by the simulated graph, so that what is sent is what is read', async () => {
    const request = { method: 'POST', path: '/providers/Microsoft.ResourceGraph/resources' } as const;
    const query = { 'api-version': '2021-03-01' };
    const facts = { action: 'read', scope: '/subscriptions/x', role: 'Reader', mutates: false } as const;
    const ask = (text: string) => {
      const body = { subscriptions: [cloud.arm.subscriptionId], query: text, options: { resultFormat: 'objectArray' } };
      return arm.send({ ...request, ...facts, query, body }, call());
    };
    const good = graphQuery([certificates], OBJECT);
    expect(await ask(good)).toMatchObject({ body: { count: 1 } });
    for (const text of [
      'resources',
      `${good}\n| take 1`,
      good.replace(' and tostring', ' or tostring'),
      good.replace('!contains', 'contains'),
      good.replace(', says = case', ', tells = case'),
      good.replace(", 'another')", ')'),
      good.replace("says = ''", "says = 'x'"),
    ]) {
      expect(await failure(ask(text))).toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });
});

describe('looking through 20 subscriptions with 2,000 resources', () => {
  const subscriptions: string[] = [];
  const holders: string[] = [];
  const sites: string[] = [];

  beforeAll(() => {
    for (let s = 0; s < 20; s += 1) {
      const subscription = cloud.arm.subscribe();
      subscriptions.push(subscription);
      for (let n = 0; n < 100; n += 1) {
        const isSite = n % 10 === 0;
        const refers = n === 3 || n === 50;
        const id = make(subscription, isSite ? SITE : CERTIFICATE, `r${n}`, refers);
        if (refers) holders.push(id);
        if (isSite) sites.push(id);
      }
    }
  });
  beforeEach(() => {
    cloud.ctx.traffic.clear();
    waits.length = 0;
    shares.length = 0;
    ahead = 0;
  });
  afterEach(() => cloud.ctx.faults.clear());

  it('takes one query, one call for each consumer, and one for each resource that the graph does not show', async () => {
    const found = await find(subscriptions);
    expect(ids(found)).toEqual([...holders].sort());
    expect(found.gaps).toEqual([]);
    const made = operations().filter((operation) => !isQuery(operation));
    const wanted = [
      ...holders.filter((id) => id.includes('certificates')).map((id) => `GET ${id}`),
      ...sites.map((id) => `GET ${id}/config/configreferences/appsettings`),
    ];
    expect(made.sort()).toEqual(wanted.sort());
    expect(operations().filter(isQuery)).toHaveLength(1);
    expect(waits).toEqual([]);
    console.info(
      `discovery: 2000 resources, 20 subscriptions: 1 query, ${holders.length / 2} reads, ${sites.length} lists`,
    );
  });

  it('asks for a kind that the graph shows no more when another kind of the type has to be listed', async () => {
    const listed = adapter('listed', certificates.types, false, '');
    const asked: string[] = [];
    const shown = {
      ...certificates,
      find: (...[resource, object, call]: Parameters<typeof certificates.find>) => {
        asked.push(resource.id);
        return certificates.find(resource, object, call);
      },
    };
    await find(subscriptions, [shown, listed]);
    expect(asked.sort()).toEqual(holders.filter((id) => id.includes('certificates')).sort());
    expect(operations().filter((operation) => !isQuery(operation))).toHaveLength(1800 + 20);
  });

  it('goes through every page of a long answer', async () => {
    cloud.arm.graph.pageSize = 100;
    const found = await find(subscriptions);
    cloud.arm.graph.pageSize = 1000;
    expect(ids(found)).toEqual([...holders].sort());
    // 20 certificates, 200 sites and 20 subscriptions.
    expect(operations().filter(isQuery)).toHaveLength(3);
  });

  it('asks whoever the graph shows nothing of, since its copies may lack the references', async () => {
    const silent = cloud.arm.graph.strip('microsoft.web/certificates');
    const found = await find(subscriptions, [certificates]);
    silent();
    expect(ids(found)).toEqual(holders.filter((id) => id.includes('certificates')).sort());
    expect(operations().filter((operation) => !isQuery(operation))).toHaveLength(1800);
  });

  it('waits as long as the graph says when it is above its quota', async () => {
    cloud.arm.graph.throttle(2, '00:00:04');
    expect((await find(subscriptions, [certificates])).references).toHaveLength(20);
    expect(waits).toEqual([4000, 4000]);
    cloud.arm.graph.throttle(1, '00:02:00');
    expect(await failure(find(subscriptions, [certificates]))).toMatchObject({
      code: 'THROTTLED',
      recovery: 'retry',
      retryAfterMs: 120_000,
    });
  });

  it('leaves out what is deleted, though the graph lists it still', async () => {
    const [gone = '', ...rest] = holders.filter((id) => id.includes('certificates'));
    const follow = cloud.arm.graph.freeze();
    const restore = cloud.arm.resources.remove(gone);
    const found = await find(subscriptions, [certificates]);
    expect(operations()).toContain(`GET ${gone}`);
    expect({ ids: ids(found), gaps: found.gaps }).toEqual({ ids: [...rest].sort(), gaps: [] });
    restore();
    follow();
  });

  it('names whoever could not be asked, with the remedy, and finds the others', async () => {
    const [closed = '', ...rest] = holders.filter((id) => id.includes('certificates'));
    const mend = cloud.arm.deny('*', closed);
    const found = await find(subscriptions, [certificates]);
    mend();
    expect(ids(found)).toEqual([...rest].sort());
    expect(found.gaps).toHaveLength(1);
    expect(found.gaps[0]).toMatchObject({ where: closed });
    expect(found.gaps[0]).not.toHaveProperty('passing');
    expect(found.gaps[0]?.message).toContain('403 AuthorizationFailed');
    expect(found.gaps[0]?.remedy).toContain(`--role "Reader" --scope "${closed}"`);
  });

  it('asks again where only an answer was lost', async () => {
    cloud.ctx.faults.add({ system: 'arm', match: '^GET ', times: 3, action: { status: 503, body: {} } });
    const found = await find(subscriptions, [certificates]);
    expect({ ids: ids(found).length, gaps: found.gaps }).toEqual({ ids: 20, gaps: [] });
  });

  it('says which subscription the identity does not see', async () => {
    const [first = '', second = '', ...rest] = subscriptions;
    const show = cloud.arm.graph.hide(first);
    const found = await find([first, second, ...rest], [certificates]);
    expect(found.references).toHaveLength(19);
    expect(found.gaps.map(({ where }) => where)).toEqual([`/subscriptions/${first}`]);
    expect(found.gaps[0]?.remedy).toContain(`--role "Reader" --scope "/subscriptions/${first}"`);
    expect(await failure(find([first], [certificates]))).toMatchObject({
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
    });
    show();
  });

  it('keeps the row small when very many cannot be asked', async () => {
    const mends = sites.map((id) => cloud.arm.deny('*', id));
    const { gaps } = await find(subscriptions, [references]);
    for (const mend of mends) mend();
    expect(gaps).toHaveLength(51);
    expect(gaps.at(-1)?.message).toContain('150 more');
  });

  it('makes a gap of whoever does not answer in its share of the time, and finds the others', async () => {
    const [mute = '', ...rest] = holders.filter((id) => id.includes('certificates'));
    const hanging = hangingAt(mute, (endShare) => endShare());
    const found = await find(subscriptions, [hanging]);
    expect(ids(found)).toEqual([...rest].sort());
    expect(found.gaps).toMatchObject([{ where: mute, message: `${mute} has not answered within 45 s`, passing: true }]);
    expect(found.gaps[0]?.remedy).toContain(`az resource show --ids "${mute}"`);
  });

  it('tells what it has found when the time for all is over, and names whoever was not asked', async () => {
    const [first = '', ...rest] = holders.filter((id) => id.includes('certificates')).sort();
    const slow = hangingAt(first, (endShare) => {
      ahead = LOOK_MS;
      endShare();
    });
    const found = await find(subscriptions, [slow]);
    const late = found.gaps.filter(({ message }) => message.includes('was not asked'));
    expect(found.gaps).toContainEqual(expect.objectContaining({ where: first }));
    // Seven were being asked with it.
    expect(late.map(({ where }) => where)).toEqual(rest.slice(7));
    expect(ids(found)).toEqual(rest.slice(0, 7));
  });

  it('looks once more through the gaps alone, and through all where some are not named', async () => {
    const [one = '', two = ''] = holders.filter((id) => id.includes('certificates'));
    const gaps = [{ where: one.toUpperCase(), message: 'closed' }];
    expect(ids(await find(subscriptions, [certificates, references], undefined, gaps))).toEqual([one]);
    expect(operations().filter((operation) => !isQuery(operation))).toEqual([`GET ${one}`]);
    const [, , subscription = ''] = two.split('/');
    const whole = [{ where: `/subscriptions/${subscription}`, message: 'hidden' }];
    expect(ids(await find(subscriptions, [certificates], undefined, whole))).toEqual([two]);
    const more = [{ where: '150 more', message: 'and more', count: 150 }];
    expect(ids(await find(subscriptions, [certificates], undefined, more))).toHaveLength(20);
  });

  it('ends with its call, and takes nobody for absent then', async () => {
    const over = new AbortController();
    const slow = {
      ...certificates,
      find: (...[resource, object, call]: Parameters<typeof certificates.find>) => {
        over.abort();
        return certificates.find(resource, object, call);
      },
    };
    expect(await failure(find(subscriptions, [slow], over.signal))).toMatchObject({ code: 'TIMED_OUT' });
    expect(operations().filter((operation) => !isQuery(operation)).length).toBeLessThanOrEqual(8);
  });
});

it('nobody is looked for without a subscription, or without a kind that takes such an object', async () => {
  cloud.ctx.traffic.clear();
  const none = createDiscovery({ adapters: [certificates], arm, clock: HASTY, subscriptions: [] });
  expect(none.enabled).toBe(false);
  expect(await none.find(OBJECT, call())).toEqual({ references: [], gaps: [] });
  const secrets: ConsumerAdapter = { ...certificates, objects: ['secret'] };
  const discovery = createDiscovery({
    adapters: [secrets],
    arm,
    clock: HASTY,
    subscriptions: [cloud.arm.subscriptionId],
  });
  expect(discovery.enabled).toBe(true);
  expect(await discovery.find(OBJECT, call())).toEqual({ references: [], gaps: [] });
  expect(operations()).toEqual([]);
});
