import { errorBody, retryAfterMs, type Asked } from '../../azure/rest-errors.ts';
import type { RestAnswer } from '../../azure/rest.ts';
import type { Effect, RotationErrorInit } from '../../rotation/errors.ts';
import { RotationError } from '../../rotation/errors.ts';

/** Which of an application's credentials a call was about. */
export type CredentialKind = keyof typeof WORDS;

/** What differs between the two in sentences and commands. */
const WORDS = {
  secret: { noun: 'client secret', list: '', other: 'a certificate' },
  certificate: { noun: 'certificate', list: ' --cert', other: 'a client secret' },
} as const;

/** Lists the credentials of this kind that an application has. */
export function listCommand({ anyId, credential }: Pick<GraphCallFacts, 'anyId' | 'credential'>): string {
  return `az ad app credential list --id ${anyId}${WORDS[credential].list}`;
}

/** What a failed call was about, for the sentence and the command in the error. */
export interface GraphCallFacts extends Asked {
  /** Either id of the application. */
  readonly anyId: string;
  readonly credential: CredentialKind;
  /** What makes room when the application has as many secrets as it may have. */
  readonly makeRoom?: string;
}

/** The app role Application.ReadWrite.OwnedBy of Microsoft Graph: learn.microsoft.com/graph/permissions-reference. */
const OWNED_BY = '18a4783c-866b-4cc7-a460-3d5e5662c884';
/** Microsoft Graph's own application, the same in every tenant. */
const GRAPH_APP = '00000003-0000-0000-c000-000000000000';

/**
 * An answer of Microsoft Graph that is not a success, as the one error class. A refusal (4xx) leaves the application as it
 * was; after a 408 or 5xx of a call that changes it nobody knows.
 */
export function graphRefusal({ status, text, header }: RestAnswer, call: GraphCallFacts, now: Date): RotationError {
  const { code, message } = errorBody(text);
  const reason = message === '' ? '' : `: ${message.split('\n')[0]?.trim() ?? ''}`;
  const wait = retryAfterMs(header('retry-after'), now);
  return new RotationError({
    message: `${call.what} was answered ${status}${code === '' ? '' : ` ${code}`}${reason}`,
    ...classify(status, code, message, call),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function classify(
  status: number,
  code: string,
  message: string,
  call: GraphCallFacts,
): Omit<RotationErrorInit, 'message'> {
  const lost: Effect = call.mutates ? 'unknown' : 'none';
  switch (status) {
    case 400:
      return badRequest(code, message, call);
    case 401: {
      const remedy = `The token was refused: check that KEYTURN_GRAPH_ENDPOINT (${call.host}) is the cloud of the app's own tenant (az account show).`;
      return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy };
    }
    case 403:
      return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy: grantCommands(call) };
    case 404: {
      const remedy = `Correct the tag ProviderAddress: it takes the application's object id, which is neither its client id nor the object id of its service principal (az ad app show --id ${call.anyId} --query "{objectId:id, clientId:appId}").`;
      return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', remedy };
    }
    case 409:
      return { code: 'CONFLICT', recovery: 'retry' };
    case 408:
    case 504:
      return { code: 'TIMED_OUT', recovery: 'retry', effect: lost };
    case 429:
      return { code: 'THROTTLED', recovery: 'retry' };
    default:
      if (status >= 500) return { code: 'UNAVAILABLE', recovery: 'retry', effect: lost };
      return invalid(call);
  }
}

/** A tenant's app management policy, by its codes: learn.microsoft.com/graph/api/resources/applicationauthenticationmethodpolicy. */
function badRequest(code: string, message: string, call: GraphCallFacts): Omit<RotationErrorInit, 'message'> {
  const { noun, other } = WORDS[call.credential];
  const exempt = `az rest --method GET --url https://${call.host}/v1.0/policies/defaultAppManagementPolicy`;
  if (code === 'CredentialTypeNotAllowedAsPerAppPolicy') {
    const remedy = `The tenant's app management policy forbids ${noun}s. Have the application exempted from it (${exempt}), or let it use ${other} or a federated credential and take the tags from the secret.`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy };
  }
  if (saysLifetime(code)) {
    const less =
      call.credential === 'secret'
        ? 'set the tag ValidityPeriodDays to less'
        : 'let the certificate be issued for less';
    const remedy = `The tenant's app management policy limits how long a ${noun} may live: ${less} than that (${exempt}).`;
    return { code: 'CONFIG_INVALID', recovery: 'reconfigure', remedy };
  }
  if (isFull(code, message)) {
    const remedy = call.makeRoom ?? listCommand(call);
    return { code: 'CONFLICT', recovery: 'human', remedy };
  }
  return invalid(call);
}

/** Is the asked lifetime longer than the tenant's policy allows? */
export function saysLifetime(code: string): boolean {
  return code === 'CredentialInvalidLifetimeAsPerAppPolicy';
}

/**
 * The limit is not documented. Seen: `TooManyAppPasswords` "You can only add a maximum of 2 passwords" for applications that
 * take personal accounts (Azure/azure-cli#12946), and `Directory_ResourceSizeExceeded` for hundreds of them
 * (microsoftgraph/microsoft-graph-docs#21469). [?] Others may be: so the words count as well.
 */
function isFull(code: string, message: string): boolean {
  return (
    code === 'TooManyAppPasswords' ||
    code === 'Directory_ResourceSizeExceeded' ||
    code === 'Directory_QuotaExceeded' ||
    /maximum of \d+ |exceeded its limit|limit of \d+/i.test(message)
  );
}

function invalid(call: GraphCallFacts): Omit<RotationErrorInit, 'message'> {
  const remedy = `Check the tags CredentialId and ProviderAddress: ${listCommand(call)}`;
  return { code: 'CONFIG_INVALID', recovery: 'reconfigure', remedy };
}

function grantCommands({ host, anyId }: GraphCallFacts): string {
  const me = '<object id of the identity>';
  // The shell runs what stands between two quoted parts.
  const graph = `'$(az ad sp show --id ${GRAPH_APP} --query id --output tsv)'`;
  const body = `{"principalId":"${me}","resourceId":"${graph}","appRoleId":"${OWNED_BY}"}`;
  return (
    "Give the app's identity the Graph role Application.ReadWrite.OwnedBy: " +
    `az rest --method POST --url https://${host}/v1.0/servicePrincipals/${me}/appRoleAssignments --body '${body}'; ` +
    `and make it an owner of the application: az ad app owner add --id ${anyId} --owner-object-id ${me}`
  );
}
