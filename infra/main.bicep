metadata name = 'Keyturn'
metadata description = 'Keyturn on existing or new vaults: the app, its storage and telemetry, events, roles and, where asked for, network, alerts and policies.'

targetScope = 'subscription'

import { codeNames, consumersType, deliveryTargetType, networkType, operatorsType, privateEndpointName, resourceNames, settingsType, systemType, tagsType, vaultType } from 'types.bicep'
import { watchSettingsType } from 'modules/watch/types.bicep'
import { governanceSettingsType } from 'modules/governance.bicep'

@description('Required. Name of the environment: a part of names, and what azd knows it by.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Required. Location of everything but what belongs to existing vaults.')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('Optional. Tags of every resource.')
param tags tagsType = {}

@description('Required. The vaults that are served.')
@minLength(1)
param vaults vaultType[]

@description('Optional. Flex Consumption, or Elastic Premium.')
param plan ('flex' | 'premium') = 'flex'

@description('Optional. Version of Node.js.')
param nodeVersion ('22' | '24') = '22'

@description('Optional. On Flex Consumption: memory of an instance.')
param instanceMemoryMB (512 | 2048 | 4096) = 2048

@description('Optional. Most instances.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. The private network; absent: everything is reached over public endpoints, with tokens.')
param network networkType?

@description('Optional. Where Event Grid delivers to: the queue, or the function, which works after the app is deployed (function-delivery.bicep).')
param delivery ('queue' | 'function') = 'queue'

@description('Optional. Who may use the HTTP endpoints. Nobody is named: nobody may.')
param operators operatorsType = {}

@description('Optional. Whether callers of the HTTP endpoints show a function key instead of logging in with Entra.')
param functionKeys bool = false

@description('Conditional. Client id of the registration that operators log in to; required without function keys. It needs no secret.')
param signInClientId string = ''

// The public id of the Azure CLI: az account get-access-token.
@description('Optional. Client ids of the programs that operators get their tokens with.')
@minLength(1)
param signInClients string[] = [
  '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
]

@description('Optional. Systems whose credentials are rotated through Azure Resource Manager.')
param systems systemType[] = []

@description('Optional. Who is told of new versions.')
param consumers consumersType = {
  subscriptions: []
  kinds: []
}

@description('Optional. Settings of the app.')
param keyturn settingsType = {}

@description('Optional. A Log Analytics workspace that is there already.')
param existingWorkspaceResourceId string?

@description('Optional. Alerts and workbook; absent: none.')
param watch watchSettingsType?

@description('Optional. Policy assignments; absent: none.')
param governance governanceSettingsType?

@description('Optional. Redundancy of the storage account.')
param storageSkuName ('Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_GZRS') = 'Standard_ZRS'

var names = resourceNames(environmentName, uniqueString(subscription().subscriptionId, environmentName))
var allTags = union(tags, {
  'azd-env-name': environmentName
})

var isPrivate = network != null
var madeNetwork = isPrivate && network.?existingSubnets == null
var privateApp = network.?privateApp ?? false
var storageParts = [
  'blob'
  'queue'
  'table'
]
var zones = [
  {
    part: 'vault'
    name: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
    given: network.?dnsZones.?vault
    wanted: isPrivate
  }
  {
    part: 'blob'
    name: 'privatelink.blob.${environment().suffixes.storage}'
    given: network.?dnsZones.?blob
    wanted: isPrivate
  }
  {
    part: 'queue'
    name: 'privatelink.queue.${environment().suffixes.storage}'
    given: network.?dnsZones.?queue
    wanted: isPrivate
  }
  {
    part: 'table'
    name: 'privatelink.table.${environment().suffixes.storage}'
    given: network.?dnsZones.?table
    wanted: isPrivate
  }
  {
    part: 'sites'
    name: 'privatelink.azurewebsites.net'
    given: network.?dnsZones.?sites
    wanted: isPrivate && privateApp
  }
]
var zoneParts = map(zones, zone => zone.part)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: names.resourceGroup
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: {
    name: names.identity
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: names.workspace
    existingWorkspaceResourceId: existingWorkspaceResourceId
    applicationInsightsName: names.applicationInsights
    location: location
    tags: allTags
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: names.storageAccount
    location: location
    tags: allTags
    principalId: identity.outputs.principalId
    private: isPrivate
    skuName: storageSkuName
  }
}

module topic 'modules/topic.bicep' = {
  scope: group
  params: {
    name: names.topic
    location: location
    tags: allTags
    principalId: identity.outputs.principalId
  }
}

// ---- The network, where one is asked for.

module newNetwork 'modules/network.bicep' = if (madeNetwork) {
  scope: group
  params: {
    name: names.virtualNetwork
    location: location
    tags: allTags
    addressPrefix: network.?addressPrefix ?? '10.90.0.0/24'
    plan: plan
    natGateway: network.?natGateway ?? false
  }
}

module dnsZones 'modules/private-dns-zone.bicep' = [
  for zone in zones: if (zone.wanted && zone.given == null) {
    scope: group
    params: {
      name: zone.name
      tags: allTags
      virtualNetworkResourceId: network.?existingSubnets.?virtualNetworkResourceId ?? newNetwork.?outputs.?virtualNetworkResourceId ?? ''
    }
  }
]

module storageEndpoints 'modules/private-endpoint.bicep' = [
  for part in storageParts: if (isPrivate) {
    scope: group
    params: {
      name: privateEndpointName(names.storageAccount, part)
      location: location
      tags: allTags
      subnetResourceId: network.?existingSubnets.?endpointSubnetResourceId ?? newNetwork.?outputs.?endpointSubnetResourceId ?? ''
      targetResourceId: storage.outputs.resourceId
      groupId: part
      dnsZoneResourceId: zones[indexOf(zoneParts, part)].given ?? dnsZones[indexOf(zoneParts, part)].?outputs.?resourceId ?? ''
    }
  }
]

// ---- The vaults. What belongs to one is deployed where it is, whatever subscription that is.

module newVaults 'modules/key-vault.bicep' = [
  for vault in vaults: if (vault.mode == 'new') {
    scope: group
    params: {
      name: vault.name
      location: location
      tags: allTags
      private: isPrivate
      allowedAddresses: vault.?allowedAddresses ?? []
    }
  }
]

resource served 'Microsoft.KeyVault/vaults@2026-02-01' existing = [
  for vault in vaults: {
    scope: resourceGroup(
      vault.?subscriptionId ?? subscription().subscriptionId,
      vault.?resourceGroupName ?? names.resourceGroup
    )
    name: vault.name
  }
]

module attachments 'modules/vault-attachment.bicep' = [
  for vault in vaults: {
    scope: resourceGroup(
      vault.?subscriptionId ?? subscription().subscriptionId,
      vault.?resourceGroupName ?? names.resourceGroup
    )
    params: {
      vaultName: vault.name
      tags: allTags
      existingSystemTopicName: vault.?existingSystemTopicName
      sendLogs: vault.?sendLogs ?? (vault.mode == 'new')
      workspaceResourceId: monitoring.outputs.workspaceResourceId
    }
    dependsOn: [
      newVaults
    ]
  }
]

module vaultEndpoints 'modules/private-endpoint.bicep' = [
  for (vault, i) in vaults: if (isPrivate && (vault.?privateEndpoint ?? true)) {
    scope: group
    params: {
      name: privateEndpointName(vault.name, 'vault')
      location: location
      tags: allTags
      subnetResourceId: network.?existingSubnets.?endpointSubnetResourceId ?? newNetwork.?outputs.?endpointSubnetResourceId ?? ''
      targetResourceId: served[i].id
      groupId: 'vault'
      dnsZoneResourceId: zones[indexOf(zoneParts, 'vault')].given ?? dnsZones[indexOf(zoneParts, 'vault')].?outputs.?resourceId ?? ''
    }
    dependsOn: [
      newVaults
    ]
  }
]

// ---- Who may do what. All of it comes before the app, and before the first event.

// Modules of one subscription may make the same role definition: one after the other.
@batchSize(1)
module vaultAccess 'modules/access/vault.bicep' = [
  for vault in vaults: {
    scope: resourceGroup(
      vault.?subscriptionId ?? subscription().subscriptionId,
      vault.?resourceGroupName ?? names.resourceGroup
    )
    params: {
      vaultName: vault.name
      principalId: identity.outputs.principalId
      needs: vault.?needs ?? secretsOnly
    }
    dependsOn: [
      newVaults
    ]
  }
]

var secretsOnly = [
  'secrets'
]

// What the setting turns on needs rights of its own; the first of each pair is the app's default.
var behaviour = keyturn.?consumers ?? {}
var consumerOptions = concat(
  (behaviour.?restart ?? 'soft') != 'none' ? ['restart'] : [],
  (behaviour.?sentinel ?? 'Keyturn:Sentinel') != '' ? ['sentinel'] : [],
  (behaviour.?rewritePinned ?? false) ? ['rewritePinned'] : [],
  (behaviour.?frontDoor ?? 'follow') == 'push' ? ['pushFrontDoor'] : [],
  (behaviour.?apiManagement ?? 'follow') == 'push' ? ['pushApiManagement'] : [],
  (behaviour.?aks ?? 'off') == 'restart' ? ['restartAks'] : []
)

@batchSize(1)
module systemAccess 'modules/access/system.bicep' = [
  for system in systems: {
    scope: resourceGroup(split(system.resourceId, '/')[2], split(system.resourceId, '/')[4])
    params: {
      resourceId: system.resourceId
      kind: system.kind
      principalId: identity.outputs.principalId
    }
  }
]

module consumerAccess 'modules/access/consumers.bicep' = [
  for id in consumers.subscriptions: {
    scope: subscription(id)
    params: {
      principalId: identity.outputs.principalId
      kinds: consumers.kinds
      options: consumerOptions
    }
  }
]

module deliveryAccess 'modules/storage-delivery-access.bicep' = [
  for (vault, i) in vaults: {
    scope: group
    params: {
      storageAccountName: storage.outputs.name
      principalId: attachments[i].outputs.systemTopicPrincipalId
    }
  }
]

// ---- Events. The function of delivery 'function' does not exist yet: function-delivery.bicep comes after it.

module eventSubscriptions 'modules/event-subscription.bicep' = [
  for (vault, i) in vaults: if (delivery == 'queue') {
    scope: resourceGroup(
      vault.?subscriptionId ?? subscription().subscriptionId,
      vault.?resourceGroupName ?? names.resourceGroup
    )
    params: {
      name: names.eventSubscription
      systemTopicName: attachments[i].outputs.systemTopicName
      storageAccountResourceId: storage.outputs.resourceId
    }
    dependsOn: [
      deliveryAccess
    ]
  }
]

// ---- The app.

module app 'modules/function-app.bicep' = {
  scope: group
  params: {
    name: names.functionApp
    planName: names.plan
    location: location
    tags: allTags
    plan: plan
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    identityResourceId: identity.outputs.resourceId
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    subnetResourceId: network.?existingSubnets.?appSubnetResourceId ?? newNetwork.?outputs.?appSubnetResourceId
    private: privateApp
    functionKeys: functionKeys
    signInClientId: signInClientId
    operators: operators
    signInClients: signInClients
    eventGridCalls: delivery == 'function'
    settings: {
      KEYTURN_VAULTS: join(
        map(vaults, vault => 'https://${vault.name}${environment().suffixes.keyvaultDns}'),
        ' '
      )
      KEYTURN_SHARED_VAULTS: join(
        map(
          filter(vaults, vault => vault.?shared ?? false),
          vault => 'https://${vault.name}${environment().suffixes.keyvaultDns}'
        ),
        ' '
      )
      KEYTURN_ALLOWED_HOSTS: join(keyturn.?allowedHosts ?? [], ' ')
      KEYTURN_ADMINISTRATORS: string(keyturn.?administrators ?? {})
      KEYTURN_DEFAULTS: string(keyturn.?defaults ?? {})
      KEYTURN_HTTP_APIS: keyturn.?httpApis ?? ''
      KEYTURN_EXTERNAL: string(keyturn.?external ?? {})
      KEYTURN_CHANNELS: string(keyturn.?channels ?? [])
      KEYTURN_SUBSCRIPTIONS: join(consumers.subscriptions, ' ')
      KEYTURN_CONSUMERS: string(union(behaviour, behaviour.?sentinel == '' ? { sentinel: false } : {}))
      KEYTURN_REVOKE_DISABLES_LOGIN: toLower(string(keyturn.?revokeDisablesLogin ?? false))
      KEYTURN_TOPIC_ENDPOINT: topic.outputs.endpoint
      KEYTURN_ARM_ENDPOINT: environment().resourceManager
      KEYTURN_GRAPH_ENDPOINT: keyturn.?graphEndpoint ?? ''
      KEYTURN_LOGIN_ENDPOINT: environment().authentication.loginEndpoint
      KEYTURN_TENANT: keyturn.?tenant ?? ''
      KEYTURN_SQL_SUFFIX: environment().suffixes.sqlServerHostname
      KEYTURN_POSTGRES_SUFFIX: keyturn.?postgresSuffix ?? ''
      KEYTURN_MYSQL_SUFFIX: keyturn.?mysqlSuffix ?? ''
      KEYTURN_STORAGE_SUFFIX: environment().suffixes.storage
      KEYTURN_SERVICE_SUFFIXES: string(keyturn.?serviceSuffixes ?? {})
      KEYTURN_SIGN_IN: functionKeys ? 'key' : 'entra'
      // The timer's schedule is this setting itself: it may not be absent.
      KEYTURN_SWEEP_SCHEDULE: keyturn.?sweepSchedule ?? '0 */5 * * * *'
      KEYTURN_TABLE: codeNames.table
    }
  }
  dependsOn: [
    vaultAccess
    systemAccess
    consumerAccess
    storageEndpoints
    vaultEndpoints
  ]
}

module appEndpoint 'modules/private-endpoint.bicep' = if (isPrivate && privateApp) {
  scope: group
  params: {
    name: privateEndpointName(names.functionApp, 'sites')
    location: location
    tags: allTags
    subnetResourceId: network.?existingSubnets.?endpointSubnetResourceId ?? newNetwork.?outputs.?endpointSubnetResourceId ?? ''
    targetResourceId: app.outputs.resourceId
    groupId: 'sites'
    dnsZoneResourceId: zones[indexOf(zoneParts, 'sites')].given ?? dnsZones[indexOf(zoneParts, 'sites')].?outputs.?resourceId ?? ''
  }
}

// ---- Watching it.

module watching 'modules/watch/watch.bicep' = if (watch != null) {
  scope: group
  params: {
    location: location
    tags: allTags
    workspaceResourceId: monitoring.outputs.workspaceResourceId
    applicationInsightsResourceId: monitoring.outputs.applicationInsightsResourceId
    functionAppResourceId: app.outputs.resourceId
    storageAccountResourceId: storage.outputs.resourceId
    vaultResourceIds: [for (vault, i) in vaults: served[i].id]
    systemTopicResourceIds: [for (vault, i) in vaults: attachments[i].outputs.systemTopicResourceId]
    settings: watch ?? {}
  }
}

module policies 'modules/governance.bicep' = if (governance != null) {
  scope: group
  params: {
    settings: governance ?? {}
  }
}

@description('Resource group of the app: azd looks for it there.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the app.')
output KEYTURN_APP_NAME string = app.outputs.name

@description('Resource id of the app.')
output KEYTURN_APP_RESOURCE_ID string = app.outputs.resourceId

@description('Address of the app.')
output KEYTURN_URL string = app.outputs.url

@description('How callers of the HTTP endpoints are let in: entra or key.')
output KEYTURN_SIGN_IN string = functionKeys ? 'key' : 'entra'

@description('Principal of the app: for roles that are assigned by hand, and for the databases.')
output KEYTURN_PRINCIPAL_ID string = identity.outputs.principalId

@description('Name of the app\'s identity: the user that the databases know it by.')
output KEYTURN_IDENTITY_NAME string = names.identity

@description('Name of the storage account of journal and queues.')
output KEYTURN_STORAGE_ACCOUNT string = storage.outputs.name

@description('Resource id of the storage account.')
output KEYTURN_STORAGE_RESOURCE_ID string = storage.outputs.resourceId

@description('The one address that the app goes out with, where it has one.')
output KEYTURN_OUTBOUND_ADDRESS string = newNetwork.?outputs.?outboundIpAddress ?? ''

@description('Where events are delivered to.')
output KEYTURN_DELIVERY string = delivery

@description('Name of the event subscription on each vault\'s system topic.')
output KEYTURN_EVENT_SUBSCRIPTION string = names.eventSubscription

@description('The system topics of the vaults: what function-delivery.bicep takes.')
output KEYTURN_DELIVERY_TARGETS deliveryTargetType[] = [
  for (vault, i) in vaults: {
    subscriptionId: vault.?subscriptionId ?? subscription().subscriptionId
    resourceGroupName: vault.?resourceGroupName ?? names.resourceGroup
    systemTopicName: attachments[i].outputs.systemTopicName
  }
]
