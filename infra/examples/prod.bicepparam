// For production: existing vaults in two subscriptions, a private network of its own, operators by group, alerts, and
// consumers that are told of new versions. Every id here is made up.
using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param tags = {
  owner: 'platform'
  costCenter: '4711'
}
param vaults = [
  {
    name: 'kv-orders-prod'
    mode: 'existing'
    resourceGroupName: 'rg-orders-prod'
    needs: [
      'secrets'
      'certificates'
    ]
  }
  {
    name: 'kv-shared-prod'
    mode: 'existing'
    subscriptionId: '11111111-1111-4111-8111-111111111111'
    resourceGroupName: 'rg-shared-prod'
    // A source has one system topic at most, and somebody has made it already.
    existingSystemTopicName: 'egst-kv-shared-prod'
    shared: true
    sendLogs: true
  }
]
param network = {
  addressPrefix: '10.90.0.0/24'
  natGateway: true
}
param signInClientId = '22222222-2222-4222-8222-222222222222'
param operators = {
  groups: [
    '33333333-3333-4333-8333-333333333333'
  ]
}
param systems = [
  {
    kind: 'storage-account'
    resourceId: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-orders-prod/providers/Microsoft.Storage/storageAccounts/stordersprod'
  }
]
param consumers = {
  subscriptions: [
    '11111111-1111-4111-8111-111111111111'
  ]
  kinds: [
    'app-service-reference'
    'application-gateway'
  ]
}
param keyturn = {
  allowedHosts: [
    '*.database.windows.net'
  ]
  administrators: {
    '*.database.windows.net': {
      user: 'id-keyturn-prod'
      managedIdentity: true
    }
  }
  consumers: {
    restart: 'soft'
  }
}
param watch = {
  emails: [
    'platform-oncall@example.com'
  ]
}
param governance = {
  purgeProtection: 'Audit'
  rbacAuthorization: 'Audit'
  secretExpiry: 'Audit'
}
