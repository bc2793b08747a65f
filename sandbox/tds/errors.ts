import type { ServerMessage } from './tokens.ts';

/** An error as the server words it. Class 20 and above ends the connection. */
export class SqlError extends Error implements ServerMessage {
  readonly number: number;
  readonly state: number;
  readonly class: number;
  /** Why, for the server's own log only. */
  readonly detail: string | undefined;

  constructor(number: number, message: string, options: { state?: number; class?: number; detail?: string } = {}) {
    super(message);
    this.number = number;
    this.state = options.state ?? 1;
    this.class = options.class ?? (LOGIN_ERRORS.has(number) ? 14 : 16);
    this.detail = options.detail;
  }
}

const LOGIN_ERRORS = new Set([18456, 18470, 18486, 18487, 18488, 40613, 40615]);

/** The login failure the client is told; the reason stays in the log (state 1 for every reason). */
export function loginFailed(user: string, detail: string): SqlError {
  return new SqlError(18456, `Login failed for user '${user}'.`, { detail });
}

/** Error 15151 and its like: one text for "not there" and "not allowed". */
export function cannot(verb: string, kind: string, name: string): SqlError {
  return new SqlError(
    15151,
    `Cannot ${verb} the ${kind} '${name}', because it does not exist or you do not have permission.`,
  );
}

/** The text of an error number that a fault answers with. Texts: learn.microsoft.com, "Database Engine errors". */
export function faultError(number: number, database: string, user: string): SqlError {
  const texts: Record<number, string> = {
    4060: `Cannot open database "${database}" requested by the login. The login failed.`,
    10928:
      'Resource ID: 1. The request limit for the database is 60 and has been reached. See ' +
      "'http://go.microsoft.com/fwlink/?LinkId=267637' for assistance.",
    10929:
      'Resource ID: 1. The request minimum guarantee is 0, maximum limit is 60 and the current usage for the database is ' +
      'too high. However, the server is currently too busy to support requests greater than 0 for this database.',
    18456: `Login failed for user '${user}'.`,
    18486: `Login failed for user '${user}' because the account is currently locked out. The system administrator can unlock it.`,
    18487: `Login failed for user '${user}'.  Reason: The password of the account has expired.`,
    18488: `Login failed for user '${user}'.  Reason: The password of the account must be changed.`,
    40197: 'The service has encountered an error processing your request. Please try again. Error code 40166.',
    40501:
      'The service is currently busy. Retry the request after 10 seconds. Incident ID: 00000000-0000-0000-0000-000000000000. Code: 131075.',
    40613:
      `Database '${database}' on server 'sandbox' is not currently available. Please retry the connection later. If the problem ` +
      'persists, contact customer support, and provide them the session tracing ID.',
    40615:
      "Cannot open server 'sandbox' requested by the login. Client with IP address '127.0.0.1' is not allowed to access the " +
      'server. To enable access, use the Azure Management Portal or run sp_set_firewall_rule on the master database.',
    49918:
      'Cannot process request. Not enough resources to process request. The service is currently busy. Please retry the request later.',
  };
  return new SqlError(number, texts[number] ?? `Error ${number}.`);
}
