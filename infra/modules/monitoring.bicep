metadata description = 'Where the app\'s telemetry goes: Application Insights on a workspace, with Entra tokens only.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the workspace that is made, where none is given.')
@minLength(4)
@maxLength(63)
param workspaceName string

@description('Optional. A workspace that is there already.')
param existingWorkspaceResourceId string?

@description('Required. Name of the Application Insights component.')
@minLength(1)
@maxLength(255)
param applicationInsightsName string

@description('Required. Location of both.')
param location string

@description('Required. Tags of both.')
param tags tagsType

@description('Required. Principal that may send telemetry.')
param principalId string

@description('Optional. How long the workspace keeps what it has, in days.')
@minValue(30)
@maxValue(730)
param retentionInDays int = 90

var roles = loadJsonContent('../role-definitions.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = if (existingWorkspaceResourceId == null) {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionInDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: existingWorkspaceResourceId ?? workspace.id
    DisableLocalAuth: true
  }
}

// "Metrics", but it is all telemetry: traces, requests and exceptions as well.
resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, principalId, roles['Monitoring Metrics Publisher'])
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Monitoring Metrics Publisher']
    )
  }
}

@description('Resource id of the workspace.')
output workspaceResourceId string = existingWorkspaceResourceId ?? workspace.id

@description('Resource id of the Application Insights component.')
output applicationInsightsResourceId string = applicationInsights.id

@description('Name of the Application Insights component.')
output applicationInsightsName string = applicationInsights.name
