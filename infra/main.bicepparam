// What azd deploys with: everything comes from its environment (azd env set NAME VALUE). docs/deploy.md lists the names.
using 'main.bicep'

var vaultIds = filter(split(readEnvironmentVariable('KEYTURN_VAULT_IDS', ''), ' '), id => !empty(id))
var newVault = readEnvironmentVariable('KEYTURN_NEW_VAULT', '')
var needs = filter(split(readEnvironmentVariable('KEYTURN_NEEDS', 'secrets'), ' '), need => !empty(need))
var alertEmails = filter(split(readEnvironmentVariable('KEYTURN_ALERT_EMAILS', ''), ' '), email => !empty(email))

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

param vaults = concat(
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
  json(readEnvironmentVariable('KEYTURN_VAULTS', '[]'))
)

param plan = readEnvironmentVariable('KEYTURN_PLAN', 'flex')
param nodeVersion = readEnvironmentVariable('KEYTURN_NODE_VERSION', '22')
param network = json(readEnvironmentVariable('KEYTURN_NETWORK', 'null'))
param delivery = readEnvironmentVariable('KEYTURN_DELIVER_TO', 'queue')

param functionKeys = bool(readEnvironmentVariable('KEYTURN_FUNCTION_KEYS', 'false'))
param signInClientId = readEnvironmentVariable('KEYTURN_SIGN_IN_CLIENT_ID', '')
// The public id of the Azure CLI, and whatever else gets tokens: a pipeline's client id.
param signInClients = concat(
  ['04b07795-8ddb-461a-bbee-02f9e1bf7b46'],
  filter(split(readEnvironmentVariable('KEYTURN_SIGN_IN_CLIENTS', ''), ' '), id => !empty(id))
)
// Whoever deploys is an operator, unless others are named.
param operators = {
  identities: filter(
    split(readEnvironmentVariable('KEYTURN_OPERATORS', readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')), ' '),
    id => !empty(id)
  )
  groups: filter(split(readEnvironmentVariable('KEYTURN_OPERATOR_GROUPS', ''), ' '), id => !empty(id))
}

param systems = json(readEnvironmentVariable('KEYTURN_SYSTEMS', '[]'))
param consumers = {
  subscriptions: filter(split(readEnvironmentVariable('KEYTURN_CONSUMER_SUBSCRIPTIONS', ''), ' '), id => !empty(id))
  kinds: filter(split(readEnvironmentVariable('KEYTURN_CONSUMER_KINDS', ''), ' '), kind => !empty(kind))
}
param keyturn = json(readEnvironmentVariable('KEYTURN_SETTINGS', '{}'))
param watch = empty(alertEmails) ? null : {
  emails: alertEmails
}
param governance = json(readEnvironmentVariable('KEYTURN_GOVERNANCE', 'null'))
