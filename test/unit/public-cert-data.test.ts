import { X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { pkcs7Of } from '../../sandbox/arm/pkcs7.ts';
import { fingerprintsIn } from '../../src/consumers/application-gateway/public-cert-data.ts';
import { issue, servedOf } from '../support/certificates.ts';

it('every certificate of a PKCS#7 is seen, in its order', async () => {
  const root = await issue({ names: ['Test root'], isAuthority: true });
  const between = await issue({ names: ['Test intermediate'], isAuthority: true, issuer: root, keyType: 'RSA' });
  const leaf = await issue({ names: ['www.contoso.com'], issuer: between, keyType: 'RSA' });
  expect(fingerprintsIn(pkcs7Of(leaf.chainPem))).toEqual([servedOf(leaf).sha256, servedOf(between).sha256]);
  expect(fingerprintsIn(pkcs7Of(leaf.certPem))).toEqual([servedOf(leaf).sha256]);
});

it('a certificate alone is seen as well', async () => {
  const leaf = await issue({ names: ['www.contoso.com'] });
  const raw = new X509Certificate(leaf.certPem).raw.toString('base64');
  expect(fingerprintsIn(raw)).toEqual([servedOf(leaf).sha256]);
});

it.each([
  ['nothing', ''],
  ['no base64', '%%%%'],
  ['another structure', Buffer.from([0x04, 0x02, 0x01, 0x02]).toString('base64')],
  ['an indefinite length', Buffer.from([0x30, 0x80, 0x00, 0x00]).toString('base64')],
  ['a length that runs over the end', Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).toString('base64')],
])('%s tells nothing', (_what, text) => {
  expect(fingerprintsIn(text)).toEqual([]);
});

it('whatever it is, and wherever it is cut off, reading it ends without an error', async () => {
  const whole = Buffer.from(pkcs7Of((await issue({ names: ['www.contoso.com'] })).chainPem), 'base64');
  fc.assert(
    fc.property(fc.nat({ max: whole.length }), fc.uint8Array({ maxLength: 12 }), (at, junk) => {
      const bytes = Buffer.concat([whole.subarray(0, at), junk]);
      expect(fingerprintsIn(bytes.toString('base64')).length).toBeLessThanOrEqual(1);
    }),
  );
});
