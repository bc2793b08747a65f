metadata description = 'A private DNS zone, linked to the network of the app.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the zone.')
param name string

@description('Required. Tags of the zone.')
param tags tagsType

@description('Required. Resource id of the network that resolves its names there.')
param virtualNetworkResourceId string

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: name
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: 'link-${uniqueString(virtualNetworkResourceId)}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      // What has its private endpoint in another network has no name in this zone: it is asked for in public then, and its
      // own firewall decides. Without this the app could not even find such a vault, or such an account that is rotated.
      resolutionPolicy: 'NxDomainRedirect'
      virtualNetwork: {
        id: virtualNetworkResourceId
      }
    }
  }
}

@description('Resource id of the zone.')
output resourceId string = zone.id
