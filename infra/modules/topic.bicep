metadata description = 'The topic of the app\'s own: others hear there what has been rotated. Only tokens are taken, and only those of the app.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the topic.')
@minLength(3)
@maxLength(50)
param name string

@description('Required. Location of the topic.')
param location string

@description('Required. Tags of the topic.')
param tags tagsType

@description('Required. Principal that may publish.')
param principalId string

var roles = loadJsonContent('../role-definitions.json')

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: topic
  name: guid(topic.id, principalId, roles['EventGrid Data Sender'])
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['EventGrid Data Sender'])
  }
}

@description('Address that is published to.')
output endpoint string = topic.properties.endpoint
