metadata description = 'Alerts about events of one vault that did not arrive.'

import { tagsType } from '../../types.bicep'
import { watchSettingsType } from 'types.bicep'

@description('Required. What the names of the rules begin with.')
@minLength(1)
@maxLength(100)
param namePrefix string

@description('Required. Tags of the rules.')
param tags tagsType

@description('Required. The system topic of a vault, in the resource group that this is deployed to.')
param topicResourceId string

@description('Required. Who is told.')
param actionGroupResourceIds string[]

@description('Required. Severities, thresholds, and what is watched.')
param settings watchSettingsType

// Each has a row in docs/operations.md.
var rules = [
  {
    name: 'events-dead-lettered'
    title: 'Events of a vault were dead-lettered'
    metric: 'DeadLetteredCount'
  }
  {
    name: 'events-dropped'
    title: 'Events of a vault were dropped'
    metric: 'DroppedEventCount'
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in rules: {
    name: '${namePrefix}-${last(split(topicResourceId, '/'))}-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: '${rule.title}. What to do: docs/operations.md, ${rule.name}.'
      severity: settings.?severities.?eventsLost ?? 2
      enabled: settings.?enabled ?? true
      scopes: [topicResourceId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT5M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: 'Microsoft.EventGrid/systemTopics'
            metricName: rule.metric
            timeAggregation: 'Total'
            operator: 'GreaterThan'
            threshold: 0
            // A metric that no event has written yet is not there to be validated.
            skipMetricValidation: true
          }
        ]
      }
      actions: map(actionGroupResourceIds, id => { actionGroupId: id })
    }
  }
]
