metadata description = 'Who is told of alerts.'

import { tagsType } from '../../types.bicep'
import { watchSettingsType } from 'types.bicep'

@description('Required. The name of the action group.')
@minLength(1)
@maxLength(260)
param name string

@description('Required. Tags of the action group.')
param tags tagsType

@description('Required. Who is told.')
param settings watchSettingsType

var webhook = settings.?webhook
var entra = webhook.?entra

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'keyturn'
    enabled: true
    emailReceivers: [
      for (email, index) in settings.?emails ?? []: {
        name: 'email-${index}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: webhook == null
      ? []
      : [
          {
            name: 'webhook'
            serviceUri: webhook!.serviceUri
            useCommonAlertSchema: true
            useAadAuth: entra != null
            objectId: entra.?objectId
            identifierUri: entra.?identifierUri
            tenantId: entra.?tenantId
          }
        ]
  }
}

@description('The id of the action group.')
output resourceId string = actionGroup.id
