metadata description = 'Everything that watches Keyturn: an action group, alerts, a workbook.'

import { tagsType } from '../../types.bicep'
import { watchSettingsType } from 'types.bicep'

@description('Required. The region of the rules and the workbook: that of the workspace.')
param location string

@description('Required. Tags of everything that is made here.')
param tags tagsType

@description('Required. The workspace that the telemetry of the app and the audit logs of the vaults come to.')
param workspaceResourceId string

@description('Required. The Application Insights component of the app.')
param applicationInsightsResourceId string

@description('Required. The app that is watched.')
param functionAppResourceId string

@description('Required. The storage account of journal and queues.')
param storageAccountResourceId string

@description('Required. The vaults that the app serves, also in other resource groups and subscriptions.')
param vaultResourceIds string[]

@description('Required. The system topics of these vaults.')
param systemTopicResourceIds string[]

@description('Required. Who is told, of what, and from where on.')
param settings watchSettingsType

var appName = last(split(functionAppResourceId, '/'))
var namePrefix = 'alert-${appName}'
var actionGroupResourceIds = concat([actionGroup.outputs.resourceId], settings.?actionGroupResourceIds ?? [])

module actionGroup 'action-group.bicep' = {
  params: {
    name: 'ag-${appName}'
    tags: tags
    settings: settings
  }
}

module logAlerts 'log-alerts.bicep' = {
  params: {
    namePrefix: namePrefix
    location: location
    tags: tags
    workspaceResourceId: workspaceResourceId
    functionAppResourceId: functionAppResourceId
    actionGroupResourceIds: actionGroupResourceIds
    settings: settings
  }
}

module appAlerts 'app-alerts.bicep' = {
  params: {
    namePrefix: namePrefix
    tags: tags
    applicationInsightsResourceId: applicationInsightsResourceId
    storageAccountResourceId: storageAccountResourceId
    actionGroupResourceIds: actionGroupResourceIds
    settings: settings
  }
}

// A rule about metrics is deployed beside what it watches, so that vaults in other subscriptions are watched, too.
module vaultAlerts 'vault-alerts.bicep' = [
  for vaultResourceId in vaultResourceIds: {
    scope: resourceGroup(split(vaultResourceId, '/')[2], split(vaultResourceId, '/')[4])
    params: {
      namePrefix: namePrefix
      tags: tags
      vaultResourceId: vaultResourceId
      actionGroupResourceIds: actionGroupResourceIds
      settings: settings
    }
  }
]

module topicAlerts 'topic-alerts.bicep' = [
  for topicResourceId in systemTopicResourceIds: {
    scope: resourceGroup(split(topicResourceId, '/')[2], split(topicResourceId, '/')[4])
    params: {
      namePrefix: namePrefix
      tags: tags
      topicResourceId: topicResourceId
      actionGroupResourceIds: actionGroupResourceIds
      settings: settings
    }
  }
]

module workbook 'workbook.bicep' = {
  params: {
    location: location
    tags: tags
    workspaceResourceId: workspaceResourceId
  }
}

@description('The action group that every alert tells.')
output actionGroupResourceId string = actionGroup.outputs.resourceId
