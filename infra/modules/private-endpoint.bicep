metadata description = 'A private endpoint in the network of the app, and its name in the private DNS zone.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the endpoint.')
@minLength(2)
@maxLength(64)
param name string

@description('Required. Location of the network: an endpoint is where its network is, whatever it leads to may be elsewhere.')
param location string

@description('Required. Tags of the endpoint.')
param tags tagsType

@description('Required. Subnet of the endpoint.')
param subnetResourceId string

@description('Required. What it leads to.')
param targetResourceId string

@description('Required. Which part of that: blob, queue, table, vault or sites.')
param groupId ('blob' | 'queue' | 'table' | 'vault' | 'sites')

@description('Required. Private DNS zone of that part.')
param dnsZoneResourceId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetResourceId
    }
    customNetworkInterfaceName: 'nic-${name}'
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: targetResourceId
          groupIds: [
            groupId
          ]
        }
      }
    ]
  }

  resource zoneGroup 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: groupId
          properties: {
            privateDnsZoneId: dnsZoneResourceId
          }
        }
      ]
    }
  }
}
