metadata description = 'What the system topic of one vault may do: put events into one queue, and dead letters into one container.'

import { codeNames, containerNames } from '../types.bicep'

@description('Required. Name of the storage account.')
param storageAccountName string

@description('Required. Principal of the system topic: its system-assigned identity, the only one that gets through a firewall.')
param principalId string

var roles = loadJsonContent('../role-definitions.json')

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageAccountName

  resource queueService 'queueServices' existing = {
    name: 'default'

    resource events 'queues' existing = {
      name: codeNames.queues.events
    }
  }

  resource blobService 'blobServices' existing = {
    name: 'default'

    resource deadLetters 'containers' existing = {
      name: containerNames.deadLetters
    }
  }
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account::queueService::events
  name: guid(account::queueService::events.id, principalId, roles['Storage Queue Data Message Sender'])
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Storage Queue Data Message Sender']
    )
  }
}

resource deadLetterWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account::blobService::deadLetters
  name: guid(account::blobService::deadLetters.id, principalId, roles['Storage Blob Data Contributor'])
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Storage Blob Data Contributor']
    )
  }
}
