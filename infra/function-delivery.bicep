metadata name = 'Keyturn: delivery to the function'
metadata description = 'Lets Event Grid deliver to the function instead of the queue. It is deployed after the app, because Event Grid refuses a function that is not there; azd does so by itself.'

targetScope = 'subscription'

import { codeNames, deliveryTargetType } from 'types.bicep'

@description('Required. The system topics: the output KEYTURN_DELIVERY_TARGETS of main.bicep.')
@minLength(1)
param targets deliveryTargetType[]

@description('Required. Name of the subscriptions: the output KEYTURN_EVENT_SUBSCRIPTION.')
@minLength(3)
@maxLength(64)
param eventSubscriptionName string

@description('Required. Resource id of the app: the output KEYTURN_APP_RESOURCE_ID.')
param functionAppResourceId string

@description('Required. Resource id of the storage account of the dead letters: the output KEYTURN_STORAGE_RESOURCE_ID.')
param storageAccountResourceId string

module eventSubscriptions 'modules/event-subscription.bicep' = [
  for target in targets: {
    scope: resourceGroup(target.subscriptionId, target.resourceGroupName)
    params: {
      name: eventSubscriptionName
      systemTopicName: target.systemTopicName
      storageAccountResourceId: storageAccountResourceId
      functionResourceId: '${functionAppResourceId}/functions/${codeNames.eventFunction}'
    }
  }
]
