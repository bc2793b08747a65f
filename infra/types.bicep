metadata description = 'The types and names that the templates share. Every name of a resource is made here, and nowhere else.'

import { vaultNeedType } from 'modules/access/types.bicep'

@export()
@description('Names that the code gives: read from the file that the code itself is built with.')
var codeNames = loadJsonContent('../src/names.json')

@export()
@description('Containers of the storage account. Only the platform and Event Grid use them, so they are not in the code.')
var containerNames = {
  packages: 'app-package'
  deadLetters: 'eventgrid-deadletter'
}

@export()
@description('The blob that a Premium app runs from.')
var packageBlobName = 'keyturn.zip'

@export()
@description('Every event of secrets, certificates and keys. The app has use for each of them, and for no other.')
var vaultEventTypes = [
  'Microsoft.KeyVault.SecretNewVersionCreated'
  'Microsoft.KeyVault.SecretNearExpiry'
  'Microsoft.KeyVault.SecretExpired'
  'Microsoft.KeyVault.CertificateNewVersionCreated'
  'Microsoft.KeyVault.CertificateNearExpiry'
  'Microsoft.KeyVault.CertificateExpired'
  'Microsoft.KeyVault.KeyNewVersionCreated'
  'Microsoft.KeyVault.KeyNearExpiry'
  'Microsoft.KeyVault.KeyExpired'
]

@export()
@description('Names of the resources of one environment.')
type resourceNamesType = {
  @description('Resource group of everything but what belongs to existing vaults.')
  resourceGroup: string

  @description('User-assigned identity of the app.')
  identity: string

  @description('Log Analytics workspace.')
  workspace: string

  @description('Application Insights component.')
  applicationInsights: string

  @description('Storage account of journal, queues, package and dead letters.')
  storageAccount: string

  @description('Plan of the app.')
  plan: string

  @description('Function App. At most 32 characters: the host cuts longer names off, and two could collide.')
  functionApp: string

  @description('Event Grid topic that outcomes are published to.')
  topic: string

  @description('Virtual network, where one is made.')
  virtualNetwork: string

  @description('Subscription on the system topic of each vault. Environments that serve the same vault have one each.')
  eventSubscription: string
}

@export()
@description('Makes the names of one environment. The same inputs give the same names in every deployment.')
func resourceNames(environmentName string, token string) resourceNamesType => {
  resourceGroup: 'rg-keyturn-${environmentName}'
  identity: 'id-keyturn-${environmentName}'
  workspace: 'log-keyturn-${token}'
  applicationInsights: 'appi-keyturn-${token}'
  storageAccount: 'stkeyturn${token}'
  plan: 'plan-keyturn-${token}'
  functionApp: 'func-keyturn-${token}'
  topic: 'evgt-keyturn-${token}'
  virtualNetwork: 'vnet-keyturn-${token}'
  eventSubscription: 'keyturn-${environmentName}'
}

@export()
@description('Makes the name of the system topic of a vault that has none.')
func systemTopicName(vaultName string) string => 'egst-keyturn-${vaultName}'

@export()
@description('Makes the name of a private endpoint for one part of a resource.')
func privateEndpointName(resourceName string, groupId string) string => 'pep-${resourceName}-${groupId}'

@export()
@description('A vault that is served.')
type vaultType = {
  @description('Required. Name of the vault.')
  @minLength(3)
  @maxLength(24)
  name: string

  @description('Required. Whether the vault is there already, or is made with the app, in its resource group and to the baseline.')
  mode: 'existing' | 'new'

  @description('Conditional. Resource group of an existing vault.')
  resourceGroupName: string?

  @description('Optional. Subscription of an existing vault; absent: that of the deployment.')
  subscriptionId: string?

  @description('Optional. System topic that the vault has already. A source has one at most. Its system-assigned identity must be on.')
  existingSystemTopicName: string?

  @description('Optional. What is rotated there; absent: secrets.')
  needs: vaultNeedType[]?

  @description('Optional. Whether secrets in other vaults may be made from what this one holds.')
  shared: bool?

  @description('Optional. Whether its logs are sent to the workspace. Absent: those of a new vault are, those of an existing one are not, which has its own arrangement most of the time.')
  sendLogs: bool?

  @description('Optional. Whether it gets a private endpoint in the network of the app; absent: it does when there is one.')
  privateEndpoint: bool?

  @description('Optional. For a new vault: addresses and ranges that its firewall lets in.')
  allowedAddresses: string[]?
}

@export()
@description('A system whose credentials are rotated through Azure Resource Manager.')
type systemType = {
  @description('Required. Kind of the rotator, as in the table of the README.')
  kind: string

  @description('Required. Resource id of the account, namespace, topic and the like.')
  resourceId: string
}

@export()
@description('Who is told of new versions.')
type consumersType = {
  @description('Required. Ids of the subscriptions that consumers are looked for in. None: nobody is looked for.')
  subscriptions: string[]

  @description('Required. Kinds of consumers that the app may change. Of others it may read where they stand.')
  kinds: string[]
}

@export()
@description('Who may use the HTTP endpoints.')
type operatorsType = {
  @description('Optional. Object ids of people and service principals. App Service takes 500 characters in all: 13 ids.')
  @maxLength(13)
  identities: string[]?

  @description('Optional. Object ids of groups. The tokens must carry a groups claim, which the registration made by the hook has.')
  groups: string[]?
}

@export()
@description('Subnets that are there already.')
type existingSubnetsType = {
  @description('Required. Resource id of the virtual network.')
  virtualNetworkResourceId: string

  @description('Required. Subnet of the app, delegated to Microsoft.App/environments (flex) or Microsoft.Web/serverFarms (premium), used by nothing else.')
  appSubnetResourceId: string

  @description('Required. Subnet of the private endpoints.')
  endpointSubnetResourceId: string
}

@export()
@description('Private DNS zones that are there already, in a hub most of the time. Absent ones are made and linked to the network.')
type dnsZonesType = {
  @description('Optional. Resource id of the zone of vaults.')
  vault: string?

  @description('Optional. Resource id of the zone of blobs.')
  blob: string?

  @description('Optional. Resource id of the zone of queues.')
  queue: string?

  @description('Optional. Resource id of the zone of tables.')
  table: string?

  @description('Optional. Resource id of the zone of apps.')
  sites: string?
}

@export()
@description('The private network of the app.')
type networkType = {
  @description('Optional. Subnets that are there; absent: a virtual network is made.')
  existingSubnets: existingSubnetsType?

  @description('Optional. Address range of the network that is made, /24 or larger.')
  addressPrefix: string?

  @description('Optional. Whether the network that is made gets a NAT gateway, for one fixed address to the outside.')
  natGateway: bool?

  @description('Optional. Zones that are there.')
  dnsZones: dnsZonesType?

  @description('Optional. Whether the app itself is only reached from the network. Then deployments must come from there, too.')
  privateApp: bool?
}

@export()
@description('Who administers the hosts of one pattern: KEYTURN_ADMINISTRATORS.')
type administratorType = {
  @description('Optional. Name of the administrator.')
  user: string?

  @description('Optional. True: the app logs in with its identity.')
  managedIdentity: bool?

  @description('Optional. Address of the secret that holds the password: the address, never the password.')
  secret: string?
}

@export()
@description('An endpoint of your own that rotates: KEYTURN_EXTERNAL.')
type externalType = {
  @description('Required. Address, https.')
  url: string

  @description('Required. Address of the secret that holds the key which requests are signed with.')
  secret: string

  @description('Optional. How old and new coexist there.')
  overlap: ('many' | 'two-slots')?

  @description('Optional. Whether it may have a private address.')
  allowPrivate: bool?
}

@export()
@description('A channel that new versions and notices are told in: KEYTURN_CHANNELS.')
type channelType = {
  @description('Required. What ledger and errors call it.')
  name: string

  @description('Required. What it understands.')
  format: 'webhook' | 'teams' | 'slack'

  @description('Conditional. Address of a webhook.')
  url: string?

  @description('Conditional. Address of the secret that holds the address. Whoever has the address of a chat may write there.')
  urlSecret: string?

  @description('Conditional. Of a webhook: address of the secret with the key that requests are signed with.')
  signingKey: string?

  @description('Optional. Patterns of the objects that are told of.')
  objects: string[]?

  @description('Optional. What is told.')
  events: ('versions' | 'notices')[]?

  @description('Optional. Whether nobody waits for it to have a version.')
  advisory: bool?

  @description('Optional. Whether it may have a private address.')
  allowPrivate: bool?
}

@export()
@description('What a secret without the tag gets: KEYTURN_DEFAULTS.')
type defaultsType = {
  @description('Optional. Lifetime of a new version, in days.')
  @minValue(1)
  @maxValue(3650)
  validityDays: int?

  @description('Optional. How long before its expiry a secret is rotated, in days.')
  @minValue(0)
  @maxValue(3650)
  leadTimeDays: int?

  @description('Optional. How long the old credential stays valid at least, in hours.')
  @minValue(0)
  @maxValue(8760)
  overlapHours: int?

  @description('Optional. How many versions stay enabled.')
  @minValue(2)
  @maxValue(500)
  retainVersions: int?

  @description('Optional. What a database secret without further tags means.')
  accounts: ('pair' | 'single')?

  @description('Optional. Which certificates are renewed.')
  certificates: ('tagged' | 'all')?
}

@export()
@description('How far consumers are changed: KEYTURN_CONSUMERS.')
type consumerBehaviourType = {
  @description('Optional. What an App Service app gets after its references were refreshed.')
  restart: ('soft' | 'full' | 'none')?

  @description('Optional. Whether references that name a version are rewritten.')
  rewritePinned: bool?

  @description('Optional. Whether Front Door is waited for or given a new secret.')
  frontDoor: ('follow' | 'push')?

  @description('Optional. Whether API Management is waited for or updated.')
  apiManagement: ('follow' | 'push')?

  @description('Optional. Whether clusters are asked, and their workloads restarted.')
  aks: ('off' | 'restart')?

  @description('Optional. Key of the setting in App Configuration that is changed so that apps look again; an empty text: none is.')
  sentinel: string?
}

@export()
@description('Addresses by a name that the one who deploys chooses.')
type addressesType = {
  @description('Address of the one named.')
  *: string
}

@export()
@description('The settings of the app that do not follow from the deployment. README.md says what each means.')
type settingsType = {
  @description('Optional. KEYTURN_ALLOWED_HOSTS: hosts that may be logged in to.')
  allowedHosts: string[]?

  @description('Optional. KEYTURN_ADMINISTRATORS, by pattern of hosts.')
  administrators: {
    @description('Administrator of the hosts that the pattern fits.')
    *: administratorType
  }?

  @description('Optional. KEYTURN_DEFAULTS.')
  defaults: defaultsType?

  @description('Optional. KEYTURN_HTTP_APIS as JSON text, from a file most of the time: loadTextContent(\'http-apis.json\').')
  httpApis: string?

  @description('Optional. KEYTURN_EXTERNAL, by name.')
  external: {
    @description('The endpoint of that name.')
    *: externalType
  }?

  @description('Optional. KEYTURN_CHANNELS.')
  channels: channelType[]?

  @description('Optional. KEYTURN_CONSUMERS.')
  consumers: consumerBehaviourType?

  @description('Optional. KEYTURN_REVOKE_DISABLES_LOGIN.')
  revokeDisablesLogin: bool?

  @description('Optional. KEYTURN_TENANT: tenant of the applications in Entra, where it is another one.')
  tenant: string?

  @description('Optional. KEYTURN_GRAPH_ENDPOINT, in other clouds than the public one: no template function gives it.')
  graphEndpoint: string?

  @description('Optional. KEYTURN_POSTGRES_SUFFIX, in other clouds than the public one.')
  postgresSuffix: string?

  @description('Optional. KEYTURN_MYSQL_SUFFIX, in other clouds than the public one.')
  mysqlSuffix: string?

  @description('Optional. KEYTURN_SERVICE_SUFFIXES, by kind of rotator, in other clouds than the public one.')
  serviceSuffixes: addressesType?

  @description('Optional. KEYTURN_SWEEP_SCHEDULE: NCRONTAB of six fields, UTC.')
  sweepSchedule: string?
}

@export()
@description('A system topic whose events are delivered to the function: what function-delivery.bicep works on.')
type deliveryTargetType = {
  @description('Required. Subscription of the vault.')
  subscriptionId: string

  @description('Required. Resource group of the vault.')
  resourceGroupName: string

  @description('Required. The vault\'s system topic.')
  systemTopicName: string
}

@export()
@description('Tags of every resource.')
type tagsType = {
  @description('Value of the tag.')
  *: string
}
