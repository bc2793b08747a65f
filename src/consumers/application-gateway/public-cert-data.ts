import { createHash } from 'node:crypto';

/** What it starts with: SEQUENCE { OBJECT IDENTIFIER signedData (1.2.840.113549.1.7.2) … } */
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex');
const SEQUENCE = 0x30;
/** [0], with what is inside it: the content of a ContentInfo, and the certificates of a SignedData. */
const CONTEXT_0 = 0xa0;

interface Element {
  readonly tag: number;
  readonly body: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
}

/**
 * SHA-256 of every certificate in `publicCertData`, upper-case hex: base64 of a PKCS#7 (help of `az network application-gateway ssl-cert
 * show`); a plain certificate is read as well, since what it holds for certificates of a vault is not verified [U]. Empty when unreadable.
 */
export function fingerprintsIn(publicCertData: string): readonly string[] {
  const der = Buffer.from(publicCertData, 'base64');
  const [outer] = elementsOf(der);
  if (outer?.tag !== SEQUENCE) return [];
  const found = isSignedData(outer) ? certificatesIn(outer) : [outer.whole];
  return found.map((certificate) => createHash('sha256').update(certificate).digest('hex').toUpperCase());
}

function isSignedData({ body }: Element): boolean {
  return body.subarray(0, SIGNED_DATA.length).equals(SIGNED_DATA);
}

/** ContentInfo → [0] → SignedData { version, digestAlgorithms, contentInfo, [0] certificates, … } (RFC 2315). */
function certificatesIn({ body }: Element): readonly Buffer[] {
  const content = elementsOf(body).find(({ tag }) => tag === CONTEXT_0);
  const [signedData] = content === undefined ? [] : elementsOf(content.body);
  if (signedData?.tag !== SEQUENCE) return [];
  const certificates = elementsOf(signedData.body).find(({ tag }) => tag === CONTEXT_0);
  return certificates === undefined ? [] : elementsOf(certificates.body).map(({ whole }) => whole);
}

/** The elements that follow one another; what is cut off, or of no definite length, is left out. */
function elementsOf(der: Buffer): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at + 2 <= der.length;) {
    const tag = der.readUInt8(at);
    const first = der.readUInt8(at + 1);
    const size = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + size;
    if (first === 0x80 || size > 4 || start > der.length) break;
    const length = size === 0 ? first : der.readUIntBE(at + 2, size);
    if (start + length > der.length) break;
    found.push({ tag, body: der.subarray(start, start + length), whole: der.subarray(at, start + length) });
    at = start + length;
  }
  return found;
}
