targetScope = 'subscription'

metadata description = 'What the app may do in one subscription to find consumers, and to have those of the kinds named take new versions.'

import { consumerOptionType } from 'types.bicep'

@description('Required. The object id of the app\'s identity.')
@minLength(36)
@maxLength(36)
param principalId string

@description('Required. The kinds of consumers that are told of new versions. The others are found, and can only be looked at.')
param kinds string[]

@description('Optional. What KEYTURN_CONSUMERS turns on; the default is that of the setting.')
param options consumerOptionType[] = [
  'restart'
  'sentinel'
]

var declared = loadJsonContent('needs.json')
var builtInRoles = loadJsonContent('../../role-definitions.json')
var grants = filter(
  flatten(map(kinds, kind => declared.consumers[kind])),
  grant => empty(grant.options) || !empty(intersection(grant.options, options))
)
var customRoles = map(filter(grants, grant => grant.custom), grant => grant.role)
// Whoever finds consumers reads everything; two kinds may need the same role.
var namedRoles = union(
  [
    'Reader'
  ],
  map(filter(grants, grant => !grant.custom), grant => grant.role)
)

module definitions 'role-definitions.bicep' = if (!empty(customRoles)) {
  params: {
    roles: customRoles
  }
}

resource customAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (role, index) in customRoles: {
    name: guid(subscription().id, principalId, 'keyturn', role)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: definitions.?outputs.roleDefinitionIds[index] ?? ''
      description: 'Keyturn'
    }
  }
]

resource namedAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in namedRoles: {
    name: guid(subscription().id, principalId, builtInRoles[role])
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtInRoles[role])
      description: 'Keyturn'
    }
  }
]
