import { constants, createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';

/** How an application logs in with a certificate (learn.microsoft.com/entra/identity-platform/certificate-credentials). @param pem key and certificate */
export function clientAssertion(pem: string, appId: string, endpoint: string, now: Date): Record<string, string> {
  const at = Math.floor(now.getTime() / 1000);
  const sha256 = Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
  const claims = { aud: endpoint, iss: appId, sub: appId, jti: randomUUID(), iat: at, nbf: at, exp: at + 300 };
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'PS256', typ: 'JWT', 'x5t#S256': sha256 })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), {
    key: createPrivateKey(pem),
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature.toString('base64url')}`,
  };
}
