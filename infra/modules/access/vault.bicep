metadata description = 'What the app may do in one vault, assigned on the vault. Deploy it to the resource group of the vault.'

import { vaultNeedType } from 'types.bicep'

@description('Required. The name of the vault, which exists.')
@minLength(3)
@maxLength(24)
param vaultName string

@description('Required. The object id of the app\'s identity.')
@minLength(36)
@maxLength(36)
param principalId string

@description('Required. The kinds of objects that the app sees to in this vault.')
param needs vaultNeedType[]

var declared = loadJsonContent('needs.json')
var builtInRoles = loadJsonContent('../../role-definitions.json')
var grants = flatten(map(needs, need => declared.vault[need]))
var customRoles = map(filter(grants, grant => grant.custom), grant => grant.role)
var namedRoles = map(filter(grants, grant => !grant.custom), grant => grant.role)

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

module definitions 'role-definitions.bicep' = if (!empty(customRoles)) {
  scope: subscription()
  params: {
    roles: customRoles
  }
}

resource customAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (role, index) in customRoles: {
    name: guid(vault.id, principalId, 'keyturn', role)
    scope: vault
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
    name: guid(vault.id, principalId, builtInRoles[role])
    scope: vault
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtInRoles[role])
      description: 'Keyturn'
    }
  }
]
