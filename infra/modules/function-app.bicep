metadata description = 'The app and its plan. It is deployed when its roles are assigned: it looks for its queues as soon as it starts.'

import { codeNames, containerNames, operatorsType, packageBlobName, tagsType } from '../types.bicep'

@description('Required. Name of the app.')
@minLength(2)
@maxLength(32)
param name string

@description('Required. Name of the plan.')
@minLength(1)
@maxLength(60)
param planName string

@description('Required. Location of both.')
param location string

@description('Required. Tags of both.')
param tags tagsType

@description('Required. Flex Consumption, or Elastic Premium.')
param plan ('flex' | 'premium')

@description('Required. Version of Node.js.')
param nodeVersion ('22' | '24')

@description('Optional. On Flex Consumption: memory of an instance.')
param instanceMemoryMB (512 | 2048 | 4096) = 2048

// The service took no less than 40 for a long time, and is said to take 1 now.
@description('Optional. Most instances: of the app on Flex Consumption, of the plan on Premium up to 20.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Required. Resource id of the app\'s identity.')
param identityResourceId string

@description('Required. Client id of the app\'s identity.')
param identityClientId string

@description('Required. Name of the storage account.')
param storageAccountName string

@description('Required. Name of the Application Insights component.')
param applicationInsightsName string

@description('Required. Settings of Keyturn, by name. One that is empty is left out, and has its default.')
param settings {
  @description('Value of the setting.')
  *: string
}

@description('Optional. Subnet that the app goes out through.')
param subnetResourceId string?

@description('Required. Whether the app is only reached through a private endpoint.')
param private bool

@description('Required. Whether callers show a function key instead of logging in with Entra.')
param functionKeys bool

@description('Required. Client id of the registration that operators log in to; empty with function keys.')
param signInClientId string

@description('Required. Who may log in. When nobody is named, nobody may.')
param operators operatorsType

@description('Required. Client ids of the programs that operators get their tokens with.')
param signInClients string[]

@description('Required. Whether Event Grid delivers to the function: its requests carry a key, and no token.')
param eventGridCalls bool

var identities = operators.?identities ?? []
var groups = operators.?groups ?? []
// An empty policy lets every account of the tenant in. This id is nobody's.
var nobody = '00000000-0000-0000-0000-000000000000'

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageAccountName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

var packageContainer = '${account.properties.primaryEndpoints.blob}${containerNames.packages}'

var platformSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: account.properties.primaryEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: account.properties.primaryEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: account.properties.primaryEndpoints.table
  '${codeNames.storageConnection}__credential': 'managedidentity'
  '${codeNames.storageConnection}__clientId': identityClientId
  '${codeNames.storageConnection}__queueServiceUri': account.properties.primaryEndpoints.queue
  '${codeNames.storageConnection}__tableServiceUri': account.properties.primaryEndpoints.table
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AZURE_CLIENT_ID: identityClientId
}

// Flex Consumption refuses these. A content share would need the account's key, which works nowhere here: a Premium app
// runs from its package in the container, which it reads as its identity.
var premiumSettings = {
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'node'
  WEBSITE_RUN_FROM_PACKAGE: '${packageContainer}/${packageBlobName}'
  WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identityResourceId
}

resource hostingPlan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: plan == 'flex' ? 'functionapp' : 'elastic'
  sku: plan == 'flex'
    ? {
        name: 'FC1'
        tier: 'FlexConsumption'
      }
    : {
        name: 'EP1'
        tier: 'ElasticPremium'
      }
  properties: {
    reserved: true
    maximumElasticWorkerCount: plan == 'flex' ? null : min(maximumInstanceCount, 20)
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, {
    'azd-service-name': 'keyturn'
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityResourceId}': {}
    }
  }
  properties: {
    serverFarmId: hostingPlan.id
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    keyVaultReferenceIdentity: identityResourceId
    virtualNetworkSubnetId: subnetResourceId
    // Flex Consumption sends everything through its subnet anyway.
    outboundVnetRouting: plan == 'premium' && subnetResourceId != null
      ? {
          allTraffic: true
        }
      : null
    functionAppConfig: plan == 'flex'
      ? {
          deployment: {
            storage: {
              type: 'blobContainer'
              value: packageContainer
              authentication: {
                type: 'UserAssignedIdentity'
                userAssignedIdentityResourceId: identityResourceId
              }
            }
          }
          runtime: {
            name: 'node'
            version: nodeVersion
          }
          scaleAndConcurrency: {
            instanceMemoryMB: instanceMemoryMB
            maximumInstanceCount: maximumInstanceCount
          }
        }
      : null
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      ftpsState: plan == 'premium' ? 'Disabled' : null
      linuxFxVersion: plan == 'premium' ? 'Node|${nodeVersion}' : null
      minimumElasticInstanceCount: plan == 'premium' ? 1 : null
      // Queue triggers behind a firewall are only seen by the platform's scaler when the app itself looks.
      functionsRuntimeScaleMonitoringEnabled: plan == 'premium' && subnetResourceId != null ? true : null
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(
      platformSettings,
      plan == 'premium' ? premiumSettings : {},
      toObject(
        filter(items(settings), setting => !empty(setting.value)),
        setting => setting.key,
        setting => setting.value
      )
    )
    // KEYTURN_SIGN_IN tells the app to ask for no key: the log-in is there before it.
    dependsOn: [
      logIn
    ]
  }

  // Switched off as explicitly as on: changing from one to the other must not leave the log-in behind.
  resource logIn 'config' = {
    name: 'authsettingsV2'
    properties: {
      platform: {
        enabled: !functionKeys
        runtimeVersion: '~1'
      }
      globalValidation: {
        requireAuthentication: !functionKeys
        unauthenticatedClientAction: functionKeys ? 'AllowAnonymous' : 'Return401'
        // The host asks for its system key there. It is written in both cases, because both are in use.
        excludedPaths: eventGridCalls
          ? [
              '/runtime/webhooks/eventgrid'
              '/runtime/webhooks/EventGrid'
            ]
          : []
      }
      httpSettings: {
        requireHttps: true
      }
      identityProviders: {
        azureActiveDirectory: {
          enabled: !functionKeys
          registration: {
            clientId: signInClientId
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          validation: {
            allowedAudiences: [
              signInClientId
              'api://${signInClientId}'
            ]
            defaultAuthorizationPolicy: {
              allowedApplications: signInClients
              allowedPrincipals: {
                identities: empty(identities) && empty(groups)
                  ? [
                      nobody
                    ]
                  : identities
                groups: groups
              }
            }
          }
        }
      }
      login: {
        tokenStore: {
          enabled: false
        }
      }
    }
  }

  // Flex Consumption has no FTP, and takes no password for publishing.
  resource ftpPublishing 'basicPublishingCredentialsPolicies' = if (plan == 'premium') {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource scmPublishing 'basicPublishingCredentialsPolicies' = if (plan == 'premium') {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

@description('Resource id of the app.')
output resourceId string = app.id

@description('Name of the app.')
output name string = app.name

@description('Address of the app, without a slash at its end.')
output url string = 'https://${app.properties.defaultHostName}'
