metadata description = 'A new vault to the baseline: roles instead of access policies, nothing lost for 90 days, closed where there is a network.'

import { tagsType } from '../types.bicep'

@description('Required. Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Location of the vault.')
param location string

@description('Required. Tags of the vault.')
param tags tagsType

@description('Required. Whether only private endpoints, and what is allowed by name, get in. The app is no trusted service: without a network of its own it could not reach a closed vault.')
param private bool

@description('Optional. Addresses and ranges that get in as well. With one or more of them the public endpoint stays, behind the firewall.')
param allowedAddresses string[] = []

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: private && empty(allowedAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private || !empty(allowedAddresses) ? 'Deny' : 'Allow'
      ipRules: map(allowedAddresses, address => {
        value: address
      })
      virtualNetworkRules: []
    }
  }
}

@description('Resource id of the vault.')
output resourceId string = vault.id
