import type { Access, ActionsNeed } from '../../azure/access.ts';
import type { KeyUserRow, KeyVersionAddress } from './row.ts';
import { KEY_USER_ROWS } from './users.ts';

/** The actions do not depend on which version it is. */
const ANY: KeyVersionAddress = { vault: 'https://vault', name: 'key', version: 'version' };

/** Every action that the row's requests name. */
export function actionsOf(row: KeyUserRow): readonly string[] {
  const moves = row
    .moves({}, ANY)
    .flatMap(({ action, once }) => (once === undefined ? [action] : [once.reads, action]));
  return [row.reads, ...moves];
}

/** What the users of keys need, besides the vault. @param kind of the rotator that they belong to */
export function keyUserAccess(kind: string): Access {
  const needs = KEY_USER_ROWS.map((row): ActionsNeed => {
    const builtIn = row.role === 'Contributor' ? {} : { builtIn: row.role };
    return { at: `the ${row.kind}`, to: 'moves it on to the new version', actions: actionsOf(row), ...builtIn };
  });
  const itself = {
    who: 'the resource that encrypts',
    at: 'the vault',
    to: 'gets, wraps and unwraps with the key',
    right: 'Key Vault Crypto Service Encryption User',
    command:
      'az role assignment create --assignee-object-id <object id of that identity> --assignee-principal-type ServicePrincipal \\\n' +
      '  --role "Key Vault Crypto Service Encryption User" --scope <ARM id of the vault>',
    language: 'sh',
  } as const;
  return { of: kind, needs: [...needs, itself] };
}
