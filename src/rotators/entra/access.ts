import type { CommandNeed } from '../../azure/access.ts';

/** Graph's permissions are granted by an administrator of the tenant; no role of Azure has them. */
export const OWNS_APPLICATION: CommandNeed = {
  at: 'the tenant, and each application',
  to: 'changes the credentials of the applications that it owns',
  right: '`Application.ReadWrite.OwnedBy` of Microsoft Graph, and ownership',
  command: `
identity=<object id of the app's identity>
graph=$(az ad sp show --id 00000003-0000-0000-c000-000000000000 --query id --output tsv)
az rest --method POST --url "https://graph.microsoft.com/v1.0/servicePrincipals/$identity/appRoleAssignments" \\
  --body "{\\"principalId\\":\\"$identity\\",\\"resourceId\\":\\"$graph\\",\\"appRoleId\\":\\"18a4783c-866b-4cc7-a460-3d5e5662c884\\"}"
az ad app owner add --id <object id or client id of the application> --owner-object-id "$identity"
`.trim(),
  language: 'sh',
};
