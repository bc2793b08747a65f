metadata description = 'The workbook of rotations.'

import { tagsType } from '../../types.bicep'

@description('Required. The region of the workbook.')
param location string

@description('Required. Tags of the workbook.')
param tags tagsType

@description('Required. The workspace that the workbook asks.')
param workspaceResourceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'keyturn-rotations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Keyturn: rotations'
    category: 'workbook'
    serializedData: loadTextContent('rotations.workbook.json')
    sourceId: workspaceResourceId
    version: '1.0'
  }
}
