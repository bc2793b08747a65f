// A network that is there already, zones in a hub, and an app that is only reached from it. Deploy from inside. Every id
// here is made up.
using '../main.bicep'

param environmentName = 'hub'
param location = 'westeurope'
param vaults = [
  {
    name: 'kv-orders-prod'
    mode: 'existing'
    resourceGroupName: 'rg-orders-prod'
    // It has a private endpoint in this network.
    privateEndpoint: false
  }
]
param network = {
  existingSubnets: {
    virtualNetworkResourceId: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-spoke/providers/Microsoft.Network/virtualNetworks/vnet-spoke'
    appSubnetResourceId: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-spoke/providers/Microsoft.Network/virtualNetworks/vnet-spoke/subnets/snet-keyturn'
    endpointSubnetResourceId: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-spoke/providers/Microsoft.Network/virtualNetworks/vnet-spoke/subnets/snet-endpoints'
  }
  dnsZones: {
    vault: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-hub/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net'
    blob: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-hub/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net'
    queue: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-hub/providers/Microsoft.Network/privateDnsZones/privatelink.queue.core.windows.net'
    table: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-hub/providers/Microsoft.Network/privateDnsZones/privatelink.table.core.windows.net'
    sites: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-hub/providers/Microsoft.Network/privateDnsZones/privatelink.azurewebsites.net'
  }
  privateApp: true
}
param signInClientId = '22222222-2222-4222-8222-222222222222'
param operators = {
  identities: [
    '44444444-4444-4444-8444-444444444444'
  ]
}
