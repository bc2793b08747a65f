import type { CertificateClient } from '@azure/keyvault-certificates';
import type { Call, CertificateOperation } from '../rotation/ports.ts';

/**
 * What the service says of an operation. The SDK's poller throws away what it was told when that is a failure, and throws an
 * `Error` with nothing but the issuer's words: so the answers themselves are read.
 */
export async function seen(
  { signal }: Call,
  begin: (how: OperationOptions) => Promise<unknown>,
): Promise<CertificateOperation | undefined> {
  let last: CertificateOperation | undefined;
  const onResponse: OperationOptions['onResponse'] = ({ parsedBody }) => {
    last = readOperation(parsedBody) ?? last;
  };
  try {
    await begin({ abortSignal: signal, onResponse });
  } catch (error) {
    if (last === undefined || last.status === 'inProgress') throw error;
  }
  return last;
}

/** Of the wire's shape (facts A7); undefined for any other answer. */
function readOperation(body: unknown): CertificateOperation | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { status, request_id: id, issuer, error, status_details: details } = body as Partial<Record<string, unknown>>;
  if (typeof status !== 'string' || typeof id !== 'string') return undefined;
  const detail = textIn(error, 'message') ?? details;
  const request = textIn(body, 'csr');
  return {
    id,
    status: STATUS[status.toLowerCase()] ?? 'inProgress',
    issuer: textIn(issuer, 'name') ?? 'Unknown',
    ...(typeof detail === 'string' ? { detail } : {}),
    ...(request === undefined ? {} : { request: Buffer.from(request, 'base64') }),
  };
}

function textIn(holder: unknown, name: string): string | undefined {
  const found = typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[name] : undefined;
  return typeof found === 'string' ? found : undefined;
}

type OperationOptions = NonNullable<Parameters<CertificateClient['getCertificateOperation']>[1]>;

/** The service spells it `canceled` (facts A7); the other spelling is taken as well. */
const STATUS: Readonly<Record<string, CertificateOperation['status']>> = {
  completed: 'completed',
  canceled: 'cancelled',
  cancelled: 'cancelled',
  failed: 'failed',
};
