metadata description = 'The identity that the app is: whatever it may do is granted to this one.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the identity.')
@minLength(3)
@maxLength(128)
param name string

@description('Required. Location of the identity.')
param location string

@description('Required. Tags of the identity.')
param tags tagsType

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id of the identity.')
output resourceId string = identity.id

@description('Object id of its service principal: what roles are assigned to.')
output principalId string = identity.properties.principalId

@description('Client id: what the app asks for tokens with.')
output clientId string = identity.properties.clientId
