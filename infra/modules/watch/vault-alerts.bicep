metadata description = 'Alerts about the metrics of one vault. They are deployed beside it, whatever subscription that is in.'

import { tagsType } from '../../types.bicep'
import { watchSettingsType } from 'types.bicep'

@description('Required. What the names of the rules begin with.')
@minLength(1)
@maxLength(100)
param namePrefix string

@description('Required. Tags of the rules.')
param tags tagsType

@description('Required. The vault, in the resource group that this is deployed to.')
param vaultResourceId string

@description('Required. Who is told.')
param actionGroupResourceIds string[]

@description('Required. Severities, thresholds, and what is watched.')
param settings watchSettingsType

// Each has a row in docs/operations.md.
var rules = [
  {
    name: 'vault-saturation'
    title: 'A vault is near its limits'
    enabled: true
    severity: settings.?severities.?vaultSaturation ?? 1
    metric: 'SaturationShoebox'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: settings.?thresholds.?vaultSaturationPercent ?? 75
    statusCode: '*'
  }
  {
    name: 'vault-availability'
    title: 'A vault is not available'
    enabled: settings.?vaultAvailability ?? false
    severity: settings.?severities.?vaultAvailability ?? 1
    metric: 'Availability'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: settings.?thresholds.?vaultAvailabilityPercent ?? 90
    statusCode: '*'
  }
  {
    name: 'vault-throttled'
    title: 'A vault throttles its callers'
    enabled: true
    severity: settings.?severities.?vaultThrottled ?? 2
    metric: 'ServiceApiResult'
    aggregation: 'Count'
    operator: 'GreaterThan'
    threshold: 0
    statusCode: '429'
  }
  {
    name: 'vault-refusals'
    title: 'A vault refuses somebody, often'
    enabled: !(settings.?vaultAuditLogs ?? true)
    severity: settings.?severities.?vaultForbidden ?? 2
    metric: 'ServiceApiResult'
    aggregation: 'Count'
    operator: 'GreaterThan'
    threshold: settings.?thresholds.?forbiddenRequests ?? 5
    statusCode: '403'
  }
  {
    name: 'vault-volume'
    title: 'A vault is asked unusually often'
    enabled: true
    severity: settings.?severities.?vaultVolume ?? 3
    metric: 'ServiceApiResult'
    aggregation: 'Count'
    operator: 'GreaterThan'
    threshold: settings.?thresholds.?vaultRequests ?? 1500
    statusCode: '*'
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in rules: if (rule.enabled) {
    name: '${namePrefix}-${last(split(vaultResourceId, '/'))}-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: '${rule.title}. What to do: docs/operations.md, ${rule.name}.'
      severity: rule.severity
      enabled: settings.?enabled ?? true
      scopes: [vaultResourceId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: 'Microsoft.KeyVault/vaults'
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
            dimensions: rule.statusCode == '*'
              ? []
              : [
                  {
                    name: 'StatusCode'
                    operator: 'Include'
                    values: [rule.statusCode]
                  }
                ]
          }
        ]
      }
      actions: map(actionGroupResourceIds, id => { actionGroupId: id })
    }
  }
]
