metadata description = 'A virtual network for the app: one subnet that it goes out through, one for private endpoints.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the virtual network.')
@minLength(2)
@maxLength(64)
param name string

@description('Required. Location of the network.')
param location string

@description('Required. Tags of the network.')
param tags tagsType

@description('Required. Address range, /24 or larger.')
param addressPrefix string

@description('Required. Plan of the app: it decides to whom its subnet is delegated.')
param plan ('flex' | 'premium')

@description('Required. Whether the app goes out through one fixed address.')
param natGateway bool

resource endpointRules 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: 'nsg-${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'from-the-network'
        properties: {
          description: 'What is in the network reaches the endpoints over TLS.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: 'VirtualNetwork'
          destinationPortRange: '443'
        }
      }
      {
        name: 'nothing-else'
        properties: {
          description: 'And nothing else does.'
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource outboundAddress 'Microsoft.Network/publicIPAddresses@2024-07-01' = if (natGateway) {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource gateway 'Microsoft.Network/natGateways@2024-07-01' = if (natGateway) {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: outboundAddress.id
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        // No underscore in the name: the platform of Flex Consumption refuses it.
        name: 'snet-app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          // Azure Resource Manager, Entra and what is rotated over the Internet are outside. New subnets are closed
          // to the outside by default.
          defaultOutboundAccess: !natGateway
          natGateway: natGateway
            ? {
                id: gateway.id
              }
            : null
          delegations: [
            {
              name: 'app'
              properties: {
                serviceName: plan == 'flex' ? 'Microsoft.App/environments' : 'Microsoft.Web/serverFarms'
              }
            }
          ]
        }
      }
      {
        name: 'snet-endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Enabled'
          networkSecurityGroup: {
            id: endpointRules.id
          }
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = {
    name: 'snet-app'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'snet-endpoints'
  }
}

@description('Resource id of the network.')
output virtualNetworkResourceId string = network.id

@description('Resource id of the app\'s subnet.')
output appSubnetResourceId string = network::appSubnet.id

@description('Resource id of the private endpoints\' subnet.')
output endpointSubnetResourceId string = network::endpointSubnet.id

@description('The one address that the app goes out with; null without a NAT gateway.')
output outboundIpAddress string? = outboundAddress.?properties.?ipAddress
