metadata description = 'Alerts about the app and its storage.'

import { tagsType } from '../../types.bicep'
import { watchSettingsType } from 'types.bicep'

@description('Required. What the names of the rules begin with.')
@minLength(1)
@maxLength(100)
param namePrefix string

@description('Required. Tags of the rules.')
param tags tagsType

@description('Required. The Application Insights component of the app.')
param applicationInsightsResourceId string

@description('Required. The storage account of journal and queues.')
param storageAccountResourceId string

@description('Required. Who is told.')
param actionGroupResourceIds string[]

@description('Required. Severities, thresholds, and what is watched.')
param settings watchSettingsType

// Each has a row in docs/operations.md.
var rules = [
  {
    name: 'function-failures'
    title: 'Functions fail'
    severity: settings.?severities.?functionFailures ?? 2
    scope: applicationInsightsResourceId
    namespace: 'microsoft.insights/components'
    metric: 'requests/failed'
    aggregation: 'Count'
    operator: 'GreaterThan'
    threshold: settings.?thresholds.?functionFailures ?? 5
  }
  {
    name: 'storage-availability'
    title: 'The storage of journal and queues is not available'
    severity: settings.?severities.?storageAvailability ?? 1
    scope: storageAccountResourceId
    namespace: 'Microsoft.Storage/storageAccounts'
    metric: 'Availability'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: settings.?thresholds.?storageAvailabilityPercent ?? 90
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in rules: {
    name: '${namePrefix}-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: '${rule.title}. What to do: docs/operations.md, ${rule.name}.'
      severity: rule.severity
      enabled: settings.?enabled ?? true
      scopes: [rule.scope]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: rule.namespace
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
          }
        ]
      }
      actions: map(actionGroupResourceIds, id => { actionGroupId: id })
    }
  }
]
