metadata description = 'The types of what is watched.'

@export()
@description('How urgent an alert is: 0 critical, 1 error, 2 warning, 3 informational, 4 verbose.')
type severityType = 0 | 1 | 2 | 3 | 4

@export()
@description('Where alerts are posted to besides e-mail, in the common alert schema.')
type webhookType = {
  @description('Required. The address. It may hold a token of its own, so it is kept out of the deployment\'s history.')
  @secure()
  serviceUri: string

  @description('Optional. The application that the alerts log in to with Microsoft Entra. Absent: the address alone must suffice.')
  entra: {
    @description('Required. The object id of the application\'s service principal.')
    objectId: string

    @description('Required. The identifier URI of the application.')
    identifierUri: string

    @description('Required. The tenant of the application.')
    tenantId: string
  }?
}

@export()
@description('How urgent each alert is. What is absent has the severity in docs/operations.md.')
type severitiesType = {
  @description('Optional. A rotation waits for somebody to act.')
  rotationBlocked: severityType?

  @description('Optional. A rotation fails again and again, and is still repeated.')
  rotationFailing: severityType?

  @description('Optional. A message was given up.')
  messagePoisoned: severityType?

  @description('Optional. A managed object is near its expiry and has no run.')
  expiringWithoutRun: severityType?

  @description('Optional. An object that nobody rotates is near its expiry.')
  expiringUnmanaged: severityType?

  @description('Optional. No sweep has come to its end for a while.')
  sweepSilent: severityType?

  @description('Optional. The sweep leaves something out.')
  sweepProblem: severityType?

  @description('Optional. Consumers have not taken a new version.')
  consumersBehind: severityType?

  @description('Optional. Keyturn is asked to slow down.')
  throttled: severityType?

  @description('Optional. A vault refuses somebody, often.')
  vaultForbidden: severityType?

  @description('Optional. Something was deleted from a vault.')
  vaultDeletions: severityType?

  @description('Optional. A vault throttles its callers.')
  vaultThrottled: severityType?

  @description('Optional. A vault is near its limits.')
  vaultSaturation: severityType?

  @description('Optional. A vault is asked unusually often.')
  vaultVolume: severityType?

  @description('Optional. A vault is not available.')
  vaultAvailability: severityType?

  @description('Optional. Functions fail.')
  functionFailures: severityType?

  @description('Optional. The storage of journal and queues is not available.')
  storageAvailability: severityType?

  @description('Optional. Events of a vault were dead-lettered or dropped.')
  eventsLost: severityType?
}

@export()
@description('From where on alerts fire. What is absent has the threshold in docs/operations.md.')
type thresholdsType = {
  @description('Optional. Failed attempts in a row, of the ten after which a run is blocked.')
  @minValue(2)
  @maxValue(10)
  failedAttempts: int?

  @description('Optional. Days before the expiry of a managed object without a run.')
  @minValue(1)
  @maxValue(30)
  daysWithoutRun: int?

  @description('Optional. Days before the expiry of an object that nobody rotates.')
  @minValue(1)
  @maxValue(30)
  daysUnmanaged: int?

  @description('Optional. Attempts in an hour that a system refused because it is asked too often.')
  @minValue(1)
  throttledAttempts: int?

  @description('Optional. Requests of one caller that one vault refused within half an hour.')
  @minValue(1)
  forbiddenRequests: int?

  @description('Optional. Requests to one vault within a quarter of an hour.')
  @minValue(1)
  vaultRequests: int?

  @description('Optional. How much of its limits a vault may use, in percent.')
  @minValue(1)
  @maxValue(99)
  vaultSaturationPercent: int?

  @description('Optional. How much of the time a vault must be available, in percent.')
  @minValue(1)
  @maxValue(100)
  vaultAvailabilityPercent: int?

  @description('Optional. How much of the time the storage must be available, in percent.')
  @minValue(1)
  @maxValue(100)
  storageAvailabilityPercent: int?

  @description('Optional. Failed invocations and requests within a quarter of an hour.')
  @minValue(0)
  functionFailures: int?
}

@export()
@description('Who is told, of what, and from where on.')
type watchSettingsType = {
  @description('Optional. Who gets an e-mail for each alert.')
  emails: string[]?

  @description('Optional. Where each alert is posted to.')
  webhook: webhookType?

  @description('Optional. Action groups that exist already and are told as well.')
  actionGroupResourceIds: string[]?

  @description('Optional. False: every rule is there and none is evaluated. Default: true.')
  enabled: bool?

  @description('Optional. What the rules about sweeps look back over: several times the interval of the sweep. Default: PT30M, for a sweep every five minutes.')
  sweepWindow: ('PT30M' | 'PT1H' | 'PT2H' | 'PT6H' | 'P1D')?

  @description('Optional. Do the audit logs of the vaults come to the workspace, into the table AZKVAuditLogs? If not, refused requests are watched by a metric, which does not tell who was refused. Default: true.')
  vaultAuditLogs: bool?

  @description('Optional. Watch the availability of vaults. Long-running operations count as failures there, so it is off. Default: false.')
  vaultAvailability: bool?

  @description('Optional. How urgent each alert is.')
  severities: severitiesType?

  @description('Optional. From where on alerts fire.')
  thresholds: thresholdsType?
}
