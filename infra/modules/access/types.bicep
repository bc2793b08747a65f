@description('What a vault is attached for.')
@export()
type vaultNeedType = 'secrets' | 'certificates' | 'keys'

@description('A choice of the setting KEYTURN_CONSUMERS that makes the app do more, and need more for it.')
@export()
type consumerOptionType = 'restart' | 'rewritePinned' | 'pushFrontDoor' | 'pushApiManagement' | 'restartAks' | 'sentinel'
