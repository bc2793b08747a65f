/** Rules that look at what is there: metrics that Azure has, columns that the query gives. */
import { at } from '../bicep/project.ts';
import { isFields, isList, textOf, type Fields, type Value } from '../bicep/values.ts';
import type { Scenario } from './app.ts';

/** By name space. Key Vault and Event Grid: their lists of metrics; the rest: of the resource type. */
const METRICS: Readonly<Record<string, readonly string[]>> = {
  'microsoft.keyvault/vaults': [
    'Availability',
    'SaturationShoebox',
    'ServiceApiHit',
    'ServiceApiLatency',
    'ServiceApiResult',
  ],
  'microsoft.eventgrid/systemtopics': [
    ...[
      'DeadLetteredCount',
      'DeliveryAttemptFailCount',
      'DroppedEventCount',
      'PublishFailCount',
      'DeliverySuccessCount',
    ],
  ],
  'microsoft.storage/storageaccounts': ['Availability'],
  'microsoft.insights/components': ['requests/failed', 'exceptions/count'],
};

const fields = (value: Value | undefined): Fields => (isFields(value) ? value : {});
const list = (value: Value | undefined): readonly Fields[] => (isList(value) ? value.filter(isFields) : []);

export function metrics(scenarios: readonly Scenario[]): readonly string[] {
  return rules(scenarios, 'Microsoft.Insights/metricAlerts', (criterion) => {
    const namespace = textOf(criterion['metricNamespace'] ?? '').toLowerCase();
    const name = textOf(criterion['metricName'] ?? '');
    return [
      ...(METRICS[namespace]?.includes(name) ? [] : [`watches the metric ${name} of ${namespace}, which is not known`]),
      ...list(criterion['dimensions'])
        .filter(({ operator }) => operator !== 'Include' && operator !== 'Exclude')
        .map(({ operator = '' }) => `has a dimension with the operator ${textOf(operator)}`),
    ];
  });
}

export function columns(scenarios: readonly Scenario[]): readonly string[] {
  return rules(scenarios, 'Microsoft.Insights/scheduledQueryRules', (criterion) => {
    const query = textOf(criterion['query'] ?? '');
    const dimensions = list(criterion['dimensions']).map(({ name = '' }) => textOf(name));
    const named = [criterion['metricMeasureColumn'], criterion['resourceIdColumn'], ...dimensions];
    return [
      ...named
        .filter((one) => one !== undefined && one !== null)
        .map(textOf)
        .filter((name) => !new RegExp(`\\b${name}\\b`).test(query))
        .map((name) => `measures ${name}, which its query does not give`),
      // The text that is put in: where it is still this, nothing was.
      ...(query.includes("let app = '';") ? ['looks for an app without a name'] : []),
      ...(query.trim() === '' ? ['has no query'] : []),
    ];
  });
}

function rules(
  scenarios: readonly Scenario[],
  type: string,
  check: (criterion: Fields) => readonly string[],
): readonly string[] {
  const problems = scenarios.flatMap(({ resources }) =>
    resources
      .filter((one) => one.type === type)
      .flatMap(({ path, line, name, body }) =>
        list(fields(fields(body['properties'])['criteria'])['allOf'])
          .flatMap(check)
          .map((problem) => `${at(path, line)}: ${name} ${problem}`),
      ),
  );
  return [...new Set(problems)];
}
