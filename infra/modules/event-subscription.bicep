metadata description = 'The subscription on the system topic of a vault. It is deployed when the topic may deliver, never before: what is refused with 403 is not tried again.'

import { codeNames, containerNames, vaultEventTypes } from '../types.bicep'

@description('Required. Name of the subscription.')
@minLength(3)
@maxLength(64)
param name string

@description('Required. Name of the system topic.')
param systemTopicName string

@description('Required. Resource id of the storage account of the queue and the dead letters.')
param storageAccountResourceId string

@description('Optional. Resource id of the function that events are delivered to, which must be deployed; absent: they go to the queue.')
param functionResourceId string?

resource systemTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: systemTopicName
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: systemTopic
  name: name
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    destination: functionResourceId == null
      ? null
      : {
          endpointType: 'AzureFunction'
          properties: {
            resourceId: functionResourceId
            // One failure in a batch has the whole batch delivered again.
            maxEventsPerBatch: 1
          }
        }
    deliveryWithResourceIdentity: functionResourceId == null
      ? {
          identity: {
            type: 'SystemAssigned'
          }
          destination: {
            endpointType: 'StorageQueue'
            properties: {
              resourceId: storageAccountResourceId
              queueName: codeNames.queues.events
              // The app may stand still for as long as it takes: an event waits, it does not vanish.
              queueMessageTimeToLiveInSeconds: -1
            }
          }
        }
      : null
    deadLetterWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: storageAccountResourceId
          blobContainerName: containerNames.deadLetters
        }
      }
    }
    filter: {
      includedEventTypes: vaultEventTypes
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
}
