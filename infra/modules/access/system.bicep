metadata description = 'What the app may do on one system whose credentials it changes, assigned on that resource. Deploy it to the resource group of the system. Kinds that no role of Azure grants anything for (databases, applications) are assigned nothing: docs/access.md has the commands.'

@description('Required. The id of the resource, or the longer address that the tag ProviderAddress has.')
param resourceId string

@description('Required. The kind of rotator.')
param kind string

@description('Required. The object id of the app\'s identity.')
@minLength(36)
@maxLength(36)
param principalId string

var declared = loadJsonContent('needs.json')
var builtInRoles = loadJsonContent('../../role-definitions.json')
var grants = declared.systems[kind]
var customRoles = map(filter(grants, grant => grant.custom), grant => grant.role)
var namedRoles = map(filter(grants, grant => !grant.custom), grant => grant.role)

// '', subscriptions, id, resourceGroups, name, providers, namespace, type, name: what follows is a part of the resource.
var ownerId = join(take(split(resourceId, '/'), 9), '/')

module definitions 'role-definitions.bicep' = if (!empty(customRoles)) {
  scope: subscription()
  params: {
    roles: customRoles
  }
}

// Bicep assigns on a resource whose type is written down; there are more than twenty here. ARM takes any id.
module customAssignments 'resource-role-assignment.json' = [
  for (role, index) in customRoles: {
    params: {
      resourceId: ownerId
      name: guid(ownerId, principalId, 'keyturn', role)
      principalId: principalId
      roleDefinitionId: definitions.?outputs.roleDefinitionIds[index] ?? ''
    }
  }
]

module namedAssignments 'resource-role-assignment.json' = [
  for role in namedRoles: {
    params: {
      resourceId: ownerId
      name: guid(ownerId, principalId, builtInRoles[role])
      principalId: principalId
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtInRoles[role])
    }
  }
]
