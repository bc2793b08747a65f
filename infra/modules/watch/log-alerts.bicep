metadata description = 'Alerts that ask the log: the entries of the app, and the audit logs of the vaults.'

import { tagsType } from '../../types.bicep'
import { watchSettingsType } from 'types.bicep'

@description('Required. What the names of the rules begin with.')
@minLength(1)
@maxLength(100)
param namePrefix string

@description('Required. The region of the rules: that of the workspace.')
param location string

@description('Required. Tags of the rules.')
param tags tagsType

@description('Required. The workspace that the telemetry of the app and the audit logs of the vaults come to.')
param workspaceResourceId string

@description('Required. The app that the rules are about; named in every alert.')
param functionAppResourceId string

@description('Required. Who is told.')
param actionGroupResourceIds string[]

@description('Required. Severities, thresholds, and what is watched.')
param settings watchSettingsType

var appName = last(split(functionAppResourceId, '/'))
var sweepWindow = settings.?sweepWindow ?? 'PT30M'
var auditLogs = settings.?vaultAuditLogs ?? true

// Each has a row in docs/operations.md, and its query is there in full.
var rules = [
  {
    name: 'rotation-blocked'
    title: 'A rotation waits for somebody to act'
    query: loadTextContent('queries/rotation-blocked.kql')
    enabled: true
    severity: settings.?severities.?rotationBlocked ?? 2
    window: sweepWindow
    measure: 'Sweeps'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
    dimensions: ['Object', 'Code']
  }
  {
    name: 'rotation-failing'
    title: 'A rotation fails again and again'
    query: loadTextContent('queries/rotation-failing.kql')
    enabled: true
    severity: settings.?severities.?rotationFailing ?? 3
    window: 'PT2H'
    measure: 'Attempts'
    aggregation: 'Maximum'
    operator: 'GreaterThanOrEqual'
    threshold: settings.?thresholds.?failedAttempts ?? 4
    dimensions: ['Object', 'Code']
  }
  {
    name: 'message-poisoned'
    title: 'A message was given up'
    query: loadTextContent('queries/message-poisoned.kql')
    enabled: true
    severity: settings.?severities.?messagePoisoned ?? 1
    window: 'PT1H'
    measure: 'Messages'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
    dimensions: ['Queue']
  }
  {
    name: 'expiring-without-run'
    title: 'A managed object is near its expiry and has no run'
    query: loadTextContent('queries/expiring-without-run.kql')
    enabled: true
    severity: settings.?severities.?expiringWithoutRun ?? 1
    window: sweepWindow
    measure: 'DaysLeft'
    aggregation: 'Minimum'
    operator: 'LessThanOrEqual'
    threshold: settings.?thresholds.?daysWithoutRun ?? 14
    dimensions: ['Object', 'Why']
  }
  {
    name: 'expiring-unmanaged'
    title: 'An object that nobody rotates is near its expiry'
    query: loadTextContent('queries/expiring-unmanaged.kql')
    enabled: true
    severity: settings.?severities.?expiringUnmanaged ?? 3
    window: sweepWindow
    measure: 'DaysLeft'
    aggregation: 'Minimum'
    operator: 'LessThanOrEqual'
    threshold: settings.?thresholds.?daysUnmanaged ?? 30
    dimensions: ['Object']
  }
  {
    name: 'sweep-silent'
    title: 'No sweep has come to its end'
    // A workspace may have several apps in it, and the silence of one must not be covered by another.
    query: replace(loadTextContent('queries/sweep-silent.kql'), 'let app = \'\';', 'let app = \'${appName}\';')
    enabled: true
    severity: settings.?severities.?sweepSilent ?? 1
    window: sweepWindow
    measure: 'Sweeps'
    aggregation: 'Total'
    operator: 'LessThan'
    threshold: 1
    dimensions: []
  }
  {
    name: 'sweep-problem'
    title: 'The sweep leaves something out'
    query: loadTextContent('queries/sweep-problem.kql')
    enabled: true
    severity: settings.?severities.?sweepProblem ?? 2
    window: sweepWindow
    measure: 'Times'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 1
    dimensions: ['Code', 'Problem']
  }
  {
    name: 'consumers-behind'
    title: 'Consumers have not taken a new version'
    query: loadTextContent('queries/consumers-behind.kql')
    enabled: true
    severity: settings.?severities.?consumersBehind ?? 2
    window: 'P2D'
    measure: 'Behind'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
    dimensions: ['Object', 'Version']
  }
  {
    name: 'throttled'
    title: 'Keyturn is asked to slow down'
    query: loadTextContent('queries/throttled.kql')
    enabled: true
    severity: settings.?severities.?throttled ?? 3
    window: 'PT1H'
    measure: 'Refused'
    aggregation: 'Total'
    operator: 'GreaterThanOrEqual'
    threshold: settings.?thresholds.?throttledAttempts ?? 5
    dimensions: []
  }
  {
    name: 'vault-forbidden'
    title: 'A vault refuses somebody, often'
    query: loadTextContent('queries/vault-forbidden.kql')
    enabled: auditLogs
    severity: settings.?severities.?vaultForbidden ?? 2
    window: 'PT30M'
    measure: 'Refused'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: settings.?thresholds.?forbiddenRequests ?? 5
    dimensions: ['Vault', 'Caller']
  }
  {
    name: 'vault-deletions'
    title: 'Something was deleted from a vault'
    query: loadTextContent('queries/vault-deletions.kql')
    enabled: auditLogs
    severity: settings.?severities.?vaultDeletions ?? 2
    window: 'PT30M'
    measure: 'Deleted'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
    dimensions: ['Vault', 'Caller', 'OperationName']
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: if (rule.enabled) {
    name: '${namePrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Keyturn: ${rule.title}'
      description: '${rule.title}. What to do: docs/operations.md, ${rule.name}.'
      severity: rule.severity
      enabled: settings.?enabled ?? true
      scopes: [workspaceResourceId]
      evaluationFrequency: 'PT15M'
      windowSize: rule.window
      autoMitigate: true
      // Tables are there only after their first row.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: rule.measure
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
            dimensions: map(rule.dimensions, dimension => {
              name: dimension
              operator: 'Include'
              values: ['*']
            })
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: actionGroupResourceIds
        customProperties: {
          functionApp: functionAppResourceId
          alert: rule.name
        }
      }
    }
  }
]
