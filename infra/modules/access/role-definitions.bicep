targetScope = 'subscription'

metadata description = 'Custom roles with exactly the actions that the code declares, where no built-in role is as narrow. needs.json is made of the code by build/access.ts.'

@description('Required. Keys of needs.json of the roles that are to exist in this subscription.')
param roles string[]

var needs = loadJsonContent('needs.json')

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for role in roles: {
    name: guid(subscription().id, 'keyturn', role)
    properties: {
      // Names of roles are unique in the whole directory, and the next subscription has its own.
      roleName: 'Keyturn ${role} (${subscription().subscriptionId})'
      description: 'Keyturn ${needs.roles[role].description}.'
      type: 'CustomRole'
      assignableScopes: [
        subscription().id
      ]
      permissions: [
        {
          actions: needs.roles[role].actions
          notActions: []
          dataActions: needs.roles[role].dataActions
          notDataActions: []
        }
      ]
    }
  }
]

@description('The ids of the role definitions, in the order of the roles.')
output roleDefinitionIds string[] = [for (role, index) in roles: definitions[index].id]
