import type { FaultAction } from '../faults.ts';
import { select } from './catalogue.ts';
import { Dropped, type Shared } from './shared.ts';
import type { Session } from './principals.ts';
import { faultError, SqlError } from './errors.ts';
import { execute } from './execute.ts';
import { tokenize } from './lexer.ts';
import type { Request } from './requests.ts';
import { label, parse, type Statement } from './statements.ts';
import * as token from './tokens.ts';

export interface Batch {
  readonly shared: Shared;
  readonly session: Session;
  readonly read: () => Request;
  /** Waits or throws as the fault says. */
  readonly before: (fault: FaultAction | undefined) => Promise<void>;
  readonly cancelled: AbortSignal;
  readonly connecting: boolean;
}

/**
 * Runs a batch statement by statement and returns the tokens of the answer. As on the real server a statement that
 * fails does not stop the ones after it; a batch that does not parse runs nothing.
 */
export async function runBatch(batch: Batch): Promise<Buffer> {
  const { shared, session } = batch;
  const out: Buffer[] = [];
  const errors: SqlError[] = [];
  let kind: 'batch' | 'procedure' = 'batch';
  const report = (error: unknown): void => {
    if (!(error instanceof SqlError)) throw error;
    errors.push(error);
    shared.log(`spid${session.id} Error: ${error.number}, Severity: ${error.class}. ${error.message}`);
    out.push(token.message(error, shared.serverName));
  };
  try {
    const request = batch.read();
    kind = request.kind;
    for (const statement of parseLogged(batch, request.sql)) {
      if (batch.cancelled.aborted) break;
      try {
        out.push(await runStatement(batch, statement, request));
      } catch (error) {
        report(error);
      }
    }
  } catch (error) {
    report(error);
  }
  const failed = errors.length > 0;
  const status = failed ? token.DONE_STATUS.error : token.DONE_STATUS.final;
  if (kind === 'procedure') out.push(token.returnStatus(failed ? 1 : 0));
  out.push(token.done(kind, status));
  return Buffer.concat(out);
}

function parseLogged({ shared, session }: Batch, sql: string): Statement[] {
  try {
    const statements = parse(sql);
    if (statements.some((statement) => statement.kind !== 'set')) shared.log(`spid${session.id} ${masked(sql)}`);
    return statements;
  } catch (error) {
    if (error instanceof SqlError) shared.ctx.traffic.record('tds', 'BATCH', error.number);
    throw error;
  }
}

/** The text as the server writes it to its log: every literal hidden, whether it is a password or not. */
function masked(sql: string): string {
  let out = '';
  let at = 0;
  for (const { kind, start, end } of tokenize(sql)) {
    if (kind !== 'string') continue;
    out += `${sql.slice(at, start)}'******'`;
    at = end;
  }
  return (out + sql.slice(at)).replaceAll(/\s+/g, ' ');
}

async function runStatement(batch: Batch, statement: Statement, request: Request): Promise<Buffer> {
  const { shared, session } = batch;
  const { ctx, directory } = shared;
  const operation = label(statement);
  const silent = statement.kind === 'set' && batch.connecting;
  const fault = silent ? undefined : ctx.faults.take('tds', operation);
  await batch.before(fault);
  if (batch.cancelled.aborted) return Buffer.alloc(0);
  try {
    if (fault?.status !== undefined) throw faultError(fault.status, session.database.name, session.user);
    const before = session.database.name;
    const more = request.kind === 'procedure' ? 'in-procedure' : 'batch';
    const { final, more: follows, count } = token.DONE_STATUS;
    let answer: Buffer;
    if (statement.kind === 'select') {
      const set = select(directory, session, statement, request.parameters);
      answer = Buffer.concat([token.resultSet(set), token.done(more, follows | count, set.rows.length)]);
    } else {
      execute(directory, session, statement);
      const moved = session.database.name === before ? [] : [token.databaseChange(session.database.name, before)];
      answer = Buffer.concat([...moved, token.done(more, final | follows)]);
    }
    if (!silent) ctx.traffic.record('tds', operation, 'ok', session.program);
    if (fault?.drop === 'after') throw new Dropped();
    return answer;
  } catch (error) {
    if (error instanceof SqlError) ctx.traffic.record('tds', operation, error.number, session.program);
    throw error;
  }
}
