metadata description = 'Policies that report what is not as it should be. None is assigned that is not named.'

@export()
@description('What a policy does with what does not comply.')
type policyEffectType = 'Audit' | 'Deny' | 'Disabled'

@export()
@description('Which policies are assigned to the resource group. What is absent is not assigned. Audit reports; Deny also refuses.')
type governanceSettingsType = {
  @description('Optional. Vaults have purge protection.')
  purgeProtection: policyEffectType?

  @description('Optional. Vaults have soft delete.')
  softDelete: policyEffectType?

  @description('Optional. Vaults use Azure RBAC, not access policies.')
  rbacAuthorization: policyEffectType?

  @description('Optional. Vaults have a private endpoint.')
  privateLink: ('Audit' | 'Disabled')?

  @description('Optional. Vaults have public network access disabled.')
  publicAccessDisabled: policyEffectType?

  @description('Optional. Vaults keep resource logs.')
  resourceLogs: ('AuditIfNotExists' | 'Disabled')?

  @description('Optional. Secrets have an expiry date. Deny may also keep an old version without one from being disabled, which ends a rotation.')
  secretExpiry: policyEffectType?

  @description('Optional. Keys have an expiry date.')
  keyExpiry: policyEffectType?
}

@description('Required. Which policies are assigned, and what they do.')
param settings governanceSettingsType

var policies = [
  {
    name: 'kv-purge-protection'
    title: 'Key vaults should have deletion protection enabled'
    definition: '0b60c0b2-2dc2-4e1c-b5c9-abbed971de53'
    enabled: settings.?purgeProtection != null
    parameters: { effect: { value: settings.?purgeProtection ?? 'Audit' } }
  }
  {
    name: 'kv-soft-delete'
    title: 'Key vaults should have soft delete enabled'
    definition: '1e66c121-a66a-4b1f-9b83-0fd99bf0fc2d'
    enabled: settings.?softDelete != null
    parameters: { effect: { value: settings.?softDelete ?? 'Audit' } }
  }
  {
    name: 'kv-rbac'
    title: 'Key vaults should use the RBAC permission model'
    definition: '12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5'
    enabled: settings.?rbacAuthorization != null
    parameters: { effect: { value: settings.?rbacAuthorization ?? 'Audit' } }
  }
  {
    name: 'kv-private-link'
    title: 'Key vaults should use private link'
    definition: 'a6abeaec-4d90-4a02-805f-6b26c4d3fbe9'
    enabled: settings.?privateLink != null
    // This one ignores `effect`, which it has, too.
    parameters: { audit_effect: { value: settings.?privateLink ?? 'Audit' } }
  }
  {
    name: 'kv-public-access'
    title: 'Key vaults should disable public network access'
    definition: '405c5871-3e91-4644-8a63-58e19d68ff5b'
    enabled: settings.?publicAccessDisabled != null
    parameters: { effect: { value: settings.?publicAccessDisabled ?? 'Audit' } }
  }
  {
    name: 'kv-resource-logs'
    title: 'Resource logs in key vaults should be enabled'
    definition: 'cf820ca0-f99e-4f3e-84fb-66e913812d21'
    enabled: settings.?resourceLogs != null
    parameters: { effect: { value: settings.?resourceLogs ?? 'AuditIfNotExists' } }
  }
  {
    name: 'kv-secret-expiry'
    title: 'Key vault secrets should have an expiration date'
    definition: '98728c90-32c7-4049-8429-847dc0f4fe37'
    enabled: settings.?secretExpiry != null
    parameters: { effect: { value: settings.?secretExpiry ?? 'Audit' } }
  }
  {
    name: 'kv-key-expiry'
    title: 'Key vault keys should have an expiration date'
    definition: '152b15f7-8e1f-4c1f-ab71-8c010ba5dbc0'
    enabled: settings.?keyExpiry != null
    parameters: { effect: { value: settings.?keyExpiry ?? 'Audit' } }
  }
]

resource assignments 'Microsoft.Authorization/policyAssignments@2025-03-01' = [
  for policy in policies: if (policy.enabled) {
    name: policy.name
    properties: {
      displayName: 'Keyturn: ${policy.title}'
      policyDefinitionId: tenantResourceId('Microsoft.Authorization/policyDefinitions', policy.definition)
      parameters: policy.parameters
      enforcementMode: 'Default'
      nonComplianceMessages: [
        {
          message: '${policy.title}. Why, and what to do: docs/security-checklist.md.'
        }
      ]
    }
  }
]
