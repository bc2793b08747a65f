/** GUIDs that were read in public sources: test/infra/roles.json and other-ids.json say which. */
import { readFileSync } from 'node:fs';
import type { Verified } from './checks/roles.ts';

function table(name: string): Readonly<Record<string, Verified | string>> {
  return JSON.parse(readFileSync(`test/infra/${name}.json`, 'utf8')) as Readonly<Record<string, Verified | string>>;
}

export function verifiedRoles(): Verified {
  return table('roles')['roles'] as Verified;
}

export function otherGuids(): Verified {
  const { policies, applications, placeholders } = table('other-ids') as Readonly<Record<string, Verified>>;
  return { ...policies, ...applications, ...placeholders };
}
