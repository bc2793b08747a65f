import type { asn1 as Asn1Module } from 'node-forge';

type Asn1 = Asn1Module.Asn1;

/** What lies in a PKCS#12 container, in DER: PKCS#8 keys and X.509 certificates, the bytes as they were put in. */
export interface Pkcs12 {
  readonly keys: readonly Buffer[];
  readonly certificates: readonly Buffer[];
}

/** RFC 7292, appendix D. */
const OID = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
} as const;
/** Key Vault's containers have an empty password: learn.microsoft.com/azure/key-vault/certificates/how-to-export-certificate. */
const PASSWORD = '';

/**
 * Opens a container that was read from the vault. Node opens none itself (a `SecureContext` gives nothing back), so node-forge reads
 * the ASN.1 and undoes the encryption: PBES2, and the older 3DES and RC2, of which Node knows no RC2. Its own reader is
 * not used: it takes certificates apart and puts them together again, and a thumbprint needs the bytes.
 * The MAC is not checked: whoever could change the value could make one, the password being empty. That certificate and
 * key belong together is for the caller to see.
 * @throws Error when it is none; the message tells nothing of the content
 */
export async function openPkcs12(der: Buffer): Promise<Pkcs12> {
  const { asn1, pki, util } = (await import('node-forge')).default;
  const bytesOf = (octets: Asn1): string =>
    typeof octets.value === 'string' ? octets.value : octets.value.map(bytesOf).join('');
  const parse = (octets: Asn1): Asn1 => asn1.fromDer(util.createBuffer(bytesOf(octets)));
  const oid = (node: Asn1): string => asn1.derToOid(bytesOf(node));
  const buffer = (bytes: string): Buffer => Buffer.from(bytes, 'binary');
  /** An encrypted content has the algorithm and the octets that an encrypted key has, in another wrapping. */
  const decrypt = (algorithm: Asn1, octets: string): Asn1 => {
    const { UNIVERSAL } = asn1.Class;
    const text = asn1.create(UNIVERSAL, asn1.Type.OCTETSTRING, false, octets);
    const info = asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, [algorithm, text]);
    // Null for another password, which the types of node-forge do not say.
    const plain = pki.decryptPrivateKeyInfo(info, PASSWORD) as Asn1 | null;
    if (plain === null) throw new Error('it has another password');
    return plain;
  };
  const keys: Buffer[] = [];
  const certificates: Buffer[] = [];
  const bag = (node: Asn1): void => {
    const value = at(at(node, 1), 0);
    const kind = oid(at(node, 0));
    if (kind === OID.keyBag) keys.push(buffer(asn1.toDer(value).getBytes()));
    else if (kind === OID.shroudedKeyBag) {
      const plain = decrypt(at(value, 0), bytesOf(at(value, 1)));
      keys.push(buffer(asn1.toDer(plain).getBytes()));
    } else if (kind === OID.certBag) certificates.push(buffer(bytesOf(at(at(value, 1), 0))));
  };
  const content = (info: Asn1): void => {
    const kind = oid(at(info, 0));
    const inner = at(at(info, 1), 0);
    if (kind === OID.data) items(parse(inner)).forEach(bag);
    else if (kind === OID.encryptedData) {
      const encrypted = at(inner, 1);
      items(decrypt(at(encrypted, 1), bytesOf(at(encrypted, 2)))).forEach(bag);
    }
  };
  const authSafe = at(asn1.fromDer(util.createBuffer(der.toString('binary'))), 1);
  items(parse(at(at(authSafe, 1), 0))).forEach(content);
  return { keys, certificates };
}

function items(node: Asn1): readonly Asn1[] {
  if (typeof node.value === 'string') throw new Error('a sequence was expected');
  return node.value;
}

function at(node: Asn1, index: number): Asn1 {
  const found = items(node)[index];
  if (found === undefined) throw new Error('something is missing');
  return found;
}
