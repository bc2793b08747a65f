// What azd deploys with: everything comes from its environment (azd env set NAME VALUE). docs/deploy.md lists the names.
// A variable that is empty counts as one that is not set, but for the four that choose between words.
using 'main.bicep'

var vaultIds = filter(split(readEnvironmentVariable('KEYTURN_VAULT_IDS', ''), ' '), id => !empty(id))
var newVault = readEnvironmentVariable('KEYTURN_NEW_VAULT', '')
var moreVaults = readEnvironmentVariable('KEYTURN_VAULTS', '')
var namedNeeds = filter(split(readEnvironmentVariable('KEYTURN_NEEDS', ''), ' '), need => !empty(need))
var needs = empty(namedNeeds) ? ['secrets'] : namedNeeds
var privateNetwork = readEnvironmentVariable('KEYTURN_NETWORK', '')
var namedOperators = filter(split(readEnvironmentVariable('KEYTURN_OPERATORS', ''), ' '), id => !empty(id))
var operatorGroups = filter(split(readEnvironmentVariable('KEYTURN_OPERATOR_GROUPS', ''), ' '), id => !empty(id))
var deployer = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
var moreClients = filter(split(readEnvironmentVariable('KEYTURN_SIGN_IN_CLIENTS', ''), ' '), id => !empty(id))
var armSystems = readEnvironmentVariable('KEYTURN_SYSTEMS', '')
var settings = readEnvironmentVariable('KEYTURN_SETTINGS', '')
var alertEmails = filter(split(readEnvironmentVariable('KEYTURN_ALERT_EMAILS', ''), ' '), email => !empty(email))
var policies = readEnvironmentVariable('KEYTURN_GOVERNANCE', '')
var workspaceId = readEnvironmentVariable('KEYTURN_WORKSPACE_ID', '')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

// Through JSON, because what was split from a text is any text to the compiler, and the type takes three words only.
param vaults = json(string(concat(
  map(vaultIds, id => {
    name: last(split(id, '/'))
    mode: 'existing'
    subscriptionId: split(id, '/')[2]
    resourceGroupName: split(id, '/')[4]
    needs: needs
  }),
  empty(newVault) ? [] : [
    {
      name: newVault
      mode: 'new'
      needs: needs
    }
  ],
  empty(moreVaults) ? [] : json(moreVaults)
)))

param plan = readEnvironmentVariable('KEYTURN_PLAN', 'flex')
param nodeVersion = readEnvironmentVariable('KEYTURN_NODE_VERSION', '22')
param storageSkuName = readEnvironmentVariable('KEYTURN_STORAGE_SKU', 'Standard_ZRS')
param existingWorkspaceResourceId = empty(workspaceId) ? null : workspaceId
param network = empty(privateNetwork) ? null : json(privateNetwork)
param delivery = readEnvironmentVariable('KEYTURN_DELIVER_TO', 'queue')

param functionKeys = toLower(readEnvironmentVariable('KEYTURN_FUNCTION_KEYS', '')) == 'true'
param signInClientId = readEnvironmentVariable('KEYTURN_SIGN_IN_CLIENT_ID', '')
// The public id of the Azure CLI, and whatever else gets tokens: a pipeline's client id.
param signInClients = concat(['04b07795-8ddb-461a-bbee-02f9e1bf7b46'], moreClients)
// Whoever deploys is an operator, unless others are named.
param operators = {
  identities: empty(namedOperators) && empty(operatorGroups) && !empty(deployer) ? [deployer] : namedOperators
  groups: operatorGroups
}

param systems = empty(armSystems) ? [] : json(armSystems)
param consumers = {
  subscriptions: filter(split(readEnvironmentVariable('KEYTURN_CONSUMER_SUBSCRIPTIONS', ''), ' '), id => !empty(id))
  kinds: filter(split(readEnvironmentVariable('KEYTURN_CONSUMER_KINDS', ''), ' '), kind => !empty(kind))
}
param keyturn = empty(settings) ? {} : json(settings)
param watch = empty(alertEmails) ? null : {
  emails: alertEmails
}
param governance = empty(policies) ? null : json(policies)
