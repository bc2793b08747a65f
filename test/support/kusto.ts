/**
 * Reads Kusto as the query editor of Azure Monitor does: Microsoft's own language service, over the columns of the tables that are
 * asked (learn.microsoft.com/azure/azure-monitor/reference/tables). It is JavaScript for browsers, so it runs in a context of its own.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createContext, runInContext } from 'node:vm';

const TABLES: Readonly<Record<string, string>> = {
  AppTraces:
    '(TimeGenerated: datetime, Message: string, SeverityLevel: int, Properties: dynamic, OperationId: string, OperationName: string, AppRoleName: string, AppRoleInstance: string, ItemCount: int, _ResourceId: string)',
  AppRequests:
    '(TimeGenerated: datetime, Name: string, Success: bool, ResultCode: string, DurationMs: real, Properties: dynamic, OperationId: string, OperationName: string, AppRoleName: string, ItemCount: int, _ResourceId: string)',
  AZKVAuditLogs:
    '(TimeGenerated: datetime, OperationName: string, HttpStatusCode: int, ResultType: string, ResultSignature: string, ResultDescription: string, CallerIpAddress: string, Identity: dynamic, Id: string, RequestUri: string, Properties: dynamic, ClientInfo: string, CorrelationId: string, DurationMs: int, IsRbacAuthorized: bool, Tlsversion: string, _ResourceId: string)',
};

/** The few of its shapes that are used here. */
interface List<T> {
  readonly Count: number;
  getItem(index: number): T;
}
interface Code {
  GetDiagnostics(): List<{ readonly Code: string; readonly Message: string; readonly Start: number }>;
  readonly ResultType: { readonly Columns?: List<{ readonly Name: string }> } | null;
}
interface LanguageService {
  readonly Symbols: {
    readonly TableSymbol: { readonly $ctor7: new (name: string, schema: string) => object };
    readonly DatabaseSymbol: { readonly ctor: new (name: string, members: readonly object[]) => object };
  };
  readonly GlobalState: { readonly Default: { WithDatabase(database: object): object } };
  readonly KustoCode: { ParseAndAnalyze(text: string, globals: object): Code };
}

export interface Analysis {
  /** Each with the place, as `line 3: …`. */
  readonly problems: readonly string[];
  /** Of the result. */
  readonly columns: readonly string[];
}

export class Kusto {
  readonly #service: LanguageService;
  readonly #globals: object;

  constructor() {
    const { resolve } = createRequire(import.meta.url);
    const context = createContext({}) as { Kusto?: { readonly Language: LanguageService } };
    for (const file of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
      runInContext(readFileSync(resolve(`@kusto/language-service-next/${file}`), 'utf8'), context);
    }
    if (context.Kusto === undefined) throw new TypeError('the language service has not loaded');
    this.#service = context.Kusto.Language;
    const { TableSymbol, DatabaseSymbol } = this.#service.Symbols;
    const tables = Object.entries(TABLES).map(([name, columns]) => new TableSymbol.$ctor7(name, columns));
    this.#globals = this.#service.GlobalState.Default.WithDatabase(new DatabaseSymbol.ctor('workspace', tables));
  }

  analyse(query: string): Analysis {
    const code = this.#service.KustoCode.ParseAndAnalyze(query, this.#globals);
    const line = (start: number): number => query.slice(0, start).split('\n').length;
    return {
      problems: items(code.GetDiagnostics()).map(({ Start, Message }) => `line ${line(Start)}: ${Message}`),
      columns: items(code.ResultType?.Columns).map(({ Name }) => Name),
    };
  }
}

function items<T>(list: List<T> | undefined): readonly T[] {
  return Array.from({ length: list?.Count ?? 0 }, (_, index) => list?.getItem(index) as T);
}
