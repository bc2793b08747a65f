import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue } from '../../src/rotation/secret-value.ts';
import { scramVerifier } from '../../src/rotators/postgres/scram.ts';

describe('the SCRAM-SHA-256 verifier', () => {
  it('lets the client of RFC 7677 prove the password `pencil`, and proves the server to it', async () => {
    // The example of RFC 7677, section 3: user `user`, password `pencil`, 4096 iterations.
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    const authMessage =
      'n=user,r=rOprNGfwEbeRWgbNEkqO,' +
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,' +
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
    const serverSignature = '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

    const verifier = await scramVerifier(new SecretValue('pencil'), salt);

    const [, iterations, saltText, storedKey = '', serverKey = ''] =
      /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier) ?? [];
    expect([iterations, saltText]).toEqual(['4096', salt.toString('base64')]);
    const mac = (key: Buffer): Buffer => createHmac('sha256', key).update(authMessage).digest();
    const signature = mac(Buffer.from(storedKey, 'base64'));
    const clientKey = Buffer.from(proof.map((byte, i) => byte ^ (signature[i] ?? 0)));
    expect(createHash('sha256').update(clientKey).digest('base64')).toBe(storedKey);
    expect(mac(Buffer.from(serverKey, 'base64')).toString('base64')).toBe(serverSignature);
  });

  it('is made of the salted password for every printable password, with a new salt each time', async () => {
    const printable = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(printable, async (password) => {
        const verifier = await scramVerifier(new SecretValue(password));
        const [, salt = '', , serverKey] = /:([^$]+)\$([^:]+):(.+)$/.exec(verifier) ?? [];
        const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), 4096, 32, 'sha256');
        expect(createHmac('sha256', salted).update('Server Key').digest('base64')).toBe(serverKey);
        expect(await scramVerifier(new SecretValue(password))).not.toBe(verifier);
      }),
      { numRuns: 15 },
    );
  });

  it.each([
    ['empty', ''],
    ['not ASCII', 'pässword'],
    ['a soft hyphen, which SASLprep drops', 'pass\u00ADword'],
    ['a line break', 'pass\nword'],
  ])('refuses a password that is %s, and does not show it', async (_, password) => {
    const error: unknown = await scramVerifier(new SecretValue(password)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RotationError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    if (password !== '') expect((error as Error).message).not.toContain(password);
  });
});
