metadata description = 'What a served vault gets in its own resource group: a system topic, and a diagnostic setting where that is asked for.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the vault.')
@minLength(3)
@maxLength(24)
param vaultName string

@description('Required. Tags of what is made.')
param tags tagsType

@description('Optional. System topic that the vault has already.')
param existingSystemTopicName string?

@description('Required. Whether the vault\'s logs go to the workspace.')
param sendLogs bool

@description('Required. The workspace.')
param workspaceResourceId string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

// The vault says where it is: nobody has to.
module systemTopic 'system-topic.bicep' = {
  params: {
    vaultName: vault.name
    location: vault.location
    tags: tags
    existingName: existingSystemTopicName
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (sendLogs) {
  scope: vault
  name: 'keyturn'
  properties: {
    workspaceId: workspaceResourceId
    // The table AZKVAuditLogs instead of AzureDiagnostics.
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the vault\'s system topic.')
output systemTopicResourceId string = systemTopic.outputs.resourceId

@description('Name of the vault\'s system topic.')
output systemTopicName string = systemTopic.outputs.name

@description('Principal of the vault\'s system topic.')
output systemTopicPrincipalId string = systemTopic.outputs.principalId
