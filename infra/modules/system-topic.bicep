metadata description = 'The system topic of a vault: the one that is there, or a new one. A source has one at most.'

import { systemTopicName, tagsType } from '../types.bicep'

@description('Required. Name of the vault, which is in the same resource group.')
param vaultName string

@description('Required. Location of the vault: the topic must be there, too.')
param location string

@description('Required. Tags of a new topic.')
param tags tagsType

@description('Optional. Name of the topic that the vault has. It is not changed: its system-assigned identity must be on.')
param existingName string?

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource made 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (existingName == null) {
  name: systemTopicName(vaultName)
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: vault.id
    topicType: 'Microsoft.KeyVault.vaults'
  }
}

resource adopted 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = if (existingName != null) {
  name: existingName ?? systemTopicName(vaultName)
}

@description('Resource id of the topic.')
output resourceId string = existingName == null ? made.id : adopted.id

@description('Name of the topic.')
output name string = existingName ?? made.name

@description('Principal of the topic: what it delivers as.')
output principalId string = (existingName == null ? made.?identity.?principalId : adopted.?identity.?principalId) ?? ''
