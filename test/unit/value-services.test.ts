/** The connection strings of Azure's services, of which only the key is replaced. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue, type ValueFormatName } from '../../src/rotation/ports.ts';
import { parseValue } from '../../src/rotation/value/value.ts';

const KEY = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zw==';
const NEXT = 'bmV4dC9uZXh0K25leHQ=';

/** The service, its format, and the connection string around the key. */
const STRINGS: readonly (readonly [service: string, format: ValueFormatName, before: string, after: string])[] = [
  [
    'Storage',
    'adonet',
    'DefaultEndpointsProtocol=https;AccountName=orders;AccountKey=',
    ';EndpointSuffix=core.windows.net',
  ],
  ['Cosmos DB', 'adonet', 'AccountEndpoint=https://orders.documents.azure.com:443/;AccountKey=', ';'],
  ['Service Bus', 'adonet', 'Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=R;SharedAccessKey=', ''],
  [
    'Event Hubs, of one hub',
    'adonet',
    'Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=R;SharedAccessKey=',
    ';EntityPath=orders',
  ],
  ['IoT Hub', 'adonet', 'HostName=orders.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=', ''],
  ['SignalR and Web PubSub', 'adonet', 'Endpoint=https://orders.service.signalr.net;AccessKey=', ';Version=1.0;'],
  ['Redis', 'redis', 'orders.redis.cache.windows.net:6380,password=', ',ssl=True,abortConnect=False'],
  ['Redis, in any order and with blanks', 'redis', ' ssl=true , Password = ', ' ,user=reader, h1:6379,h2\n'],
  ['Redis, as a URL', 'url', 'rediss://:', '@orders.redis.cache.windows.net:6380/0'],
  ['JSON', 'json', '{"endpoint":"https://orders.search.windows.net","key":"', '"}'],
];

const encoded = (format: ValueFormatName, key: string): string => (format === 'url' ? encodeURIComponent(key) : key);

describe('the connection string of', () => {
  it.each(STRINGS)('%s is recognised (%s), and only its key changes', (_, format, before, after) => {
    const value = new SecretValue(`${before}${encoded(format, KEY)}${after}`);
    const parsed = parseValue(value);
    expect([parsed.format, parsed.user, parsed.secret.reveal()]).toEqual([format, undefined, KEY]);
    const replaced = parsed.replace({ secret: new SecretValue(NEXT) });
    expect(replaced.reveal()).toBe(`${before}${encoded(format, NEXT)}${after}`);
    expect(
      parseValue(replaced)
        .replace({ secret: new SecretValue(KEY) })
        .equals(value),
    ).toBe(true);
  });

  it('App Configuration changes its id with its key', () => {
    const value = 'Endpoint=https://orders.azconfig.io;Id=ab-l9-s0:cd;Secret=a+/b==';
    const parsed = parseValue(new SecretValue(value));
    expect([parsed.format, parsed.user, parsed.secret.reveal()]).toEqual(['adonet', 'ab-l9-s0:cd', 'a+/b==']);
    const next = parsed.replace({ user: 'ef-l9-s0:gh', secret: new SecretValue('c+/d==') });
    expect(next.reveal()).toBe('Endpoint=https://orders.azconfig.io;Id=ef-l9-s0:gh;Secret=c+/d==');
  });

  it('StackExchange.Redis gives back whatever password it can hold, and touches nothing else', () => {
    const parsed = parseValue(new SecretValue('h:6380,password=x,ssl=True'));
    const piece = fc.constantFrom(...Array.from('=:+/?"\'\\ aZ0-_%é😀'));
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 40 }), (pieces) => {
        const secret = pieces.join('').trim();
        fc.pre(secret !== '');
        const written = parsed.replace({ secret: new SecretValue(secret) });
        expect(written.reveal()).toBe(`h:6380,password=${secret},ssl=True`);
        expect(parseValue(written, 'redis').secret.reveal()).toBe(secret);
      }),
    );
  });

  it.each(['a,b', ' x', 'x '])('StackExchange.Redis cannot hold %j, and says so', (secret) => {
    const parsed = parseValue(new SecretValue('h:6380,password=x,ssl=True'));
    expect(() => parsed.replace({ secret: new SecretValue(secret) })).toThrow(/cannot hold/);
  });
});

const SAS = 'sv=2022-11-02&ss=b&srt=co&sp=rl&se=2026-03-01T00:00:00Z&spr=https&sig=a%2Bb%2Fc%3D';
const NEXT_SAS = 'sv=2022-11-02&ss=b&srt=co&sp=rl&se=2026-04-01T00:00:00Z&spr=https&sig=d%2Be%2Ff%3D';
const BUS = 'SharedAccessSignature sr=sb%3A%2F%2Fns%2Fq&sig=x%3D&se=1767225600&skn=send';

describe('a SAS token', () => {
  it.each<readonly [where: string, format: ValueFormatName, before: string, after: string]>([
    ['alone', 'bare', '', ''],
    ['in a URL', 'url', 'https://orders.blob.core.windows.net/reports?', ''],
    ['in a URL, before and behind others', 'url', 'https://h/c?restype=container&', '&comp=list#top'],
    [
      'in a connection string',
      'adonet',
      'BlobEndpoint=https://orders.blob.core.windows.net/;SharedAccessSignature=',
      '',
    ],
    [
      'among more endpoints',
      'adonet',
      'BlobEndpoint=https://a/;QueueEndpoint=https://b/;SharedAccessSignature=',
      ';TableEndpoint=https://c/',
    ],
    ['in JSON', 'json', '{"account":"orders","sasToken":"', '"}'],
  ])('%s is recognised (%s), and nothing else changes', (_, format, before, after) => {
    const parsed = parseValue(new SecretValue(`${before}${SAS}${after}`));
    expect([parsed.format, parsed.user, parsed.secret.reveal()]).toEqual([format, undefined, SAS]);
    expect(parsed.replace({ secret: new SecretValue(NEXT_SAS) }).reveal()).toBe(`${before}${NEXT_SAS}${after}`);
  });

  it('of Service Bus is the whole of its part', () => {
    const text = `Endpoint=sb://ns.servicebus.windows.net/;SharedAccessSignature=${BUS};EntityPath=q`;
    expect(parseValue(new SecretValue(text)).secret.reveal()).toBe(BUS);
  });

  it('gives way to a password or a key beside it, as it always did', () => {
    expect(parseValue(new SecretValue(`https://u:p@h/x?${SAS}`)).secret.reveal()).toBe('p');
    expect(parseValue(new SecretValue(`{"key":"k","sas":"${SAS}"}`)).secret.reveal()).toBe('k');
    const both = `AccountName=a;AccountKey=${KEY};SharedAccessSignature=${SAS}`;
    expect(parseValue(new SecretValue(both)).secret.reveal()).toBe(KEY);
  });

  it.each([
    ['in two pieces', 'https://h/c?sv=1&comp=list&sig=x'],
    ['without a signature', 'https://h/c?sv=1&sp=r'],
    ['that is none', 'BlobEndpoint=https://h/;SharedAccessSignature=hello'],
  ])('%s is refused', (_, text) => {
    expect(() => parseValue(new SecretValue(text))).toThrow(/middle of its SAS token|no place for a password or key/);
  });

  it.each(['https://h/c?', 'BlobEndpoint=https://h/;SharedAccessSignature='])(
    'in %s is not replaced by a key, which would destroy the value',
    (before) => {
      const parsed = parseValue(new SecretValue(`${before}${SAS}`));
      expect(() => parsed.replace({ secret: new SecretValue(KEY) })).toThrow(/cannot hold/);
    },
  );
});
