// For trying it out: a new vault, function keys, no network, no alerts, the cheapest storage.
//   az deployment sub create --location westeurope --template-file infra/main.bicep --parameters infra/examples/dev.bicepparam
using '../main.bicep'

param environmentName = 'dev'
param location = 'westeurope'
param tags = {
  owner: 'platform'
}
param vaults = [
  {
    name: 'kv-keyturn-dev-0001'
    mode: 'new'
    needs: [
      'secrets'
      'certificates'
      'keys'
    ]
  }
]
param functionKeys = true
param instanceMemoryMB = 512
param storageSkuName = 'Standard_LRS'
param keyturn = {
  allowedHosts: [
    '*.postgres.database.azure.com'
  ]
  administrators: {
    '*.postgres.database.azure.com': {
      user: 'id-keyturn-dev'
      managedIdentity: true
    }
  }
  defaults: {
    validityDays: 60
  }
}
