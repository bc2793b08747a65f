/** Every GUID in the templates is one whose meaning was read in a public source. */
import { at, type Project } from '../bicep/project.ts';
import { everyExpression } from '../bicep/walk.ts';

const GUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;

/** What roles.json and policies.json say: by name, the GUID. */
export type Verified = Readonly<Record<string, string>>;

export const ROLES = 'infra/role-definitions.json';

/** The map that the templates load has verified roles only, under their own names, and each is granted or documented. */
export function roleMap({ texts, files }: Project, verified: Verified): readonly string[] {
  const map = JSON.parse(texts.get(ROLES) ?? '{}') as Verified;
  const used = new Set<string>();
  for (const [, file] of files) {
    for (const [one] of everyExpression(file)) if (one.kind === 'literal') used.add(String(one.value));
  }
  const loaded = [...texts].filter(([path]) => !path.endsWith('.bicep') && path !== ROLES).map(([, text]) => text);
  return Object.entries(map).flatMap(([name, guid]) => {
    const right = verified[name];
    if (right === undefined) return [`${ROLES}: ${name} is not in the table of verified roles`];
    if (right !== guid) return [`${ROLES}: ${name} is ${guid}, and the verified one is ${right}`];
    const said = used.has(name) || loaded.some((text) => text.includes(name));
    return said ? [] : [`${ROLES}: ${name} is neither granted nor in docs/access.md`];
  });
}

/** A role is named, and looked up in the map; no GUID of one is written anywhere else. Others have to be known. */
export function guids({ files }: Project, roles: Verified, others: Verified): readonly string[] {
  const known = new Set(Object.values(others));
  const named = new Map(Object.entries(roles).map(([name, guid]) => [guid, name]));
  return [...files].flatMap(([path, file]) =>
    path.endsWith('.bicepparam')
      ? []
      : [...everyExpression(file)].flatMap(([one]) => {
          const texts = one.kind === 'template' ? one.pieces : one.kind === 'literal' ? [String(one.value)] : [];
          return texts
            .flatMap((text) => text.toLowerCase().match(GUID) ?? [])
            .filter((guid) => !known.has(guid))
            .map((guid) => `${at(path, one.line)}: ${guid} is ${meaning(named.get(guid))}`);
        }),
  );
}

function meaning(role: string | undefined): string {
  return role === undefined ? 'no GUID that was verified' : `the role ${role}; look it up in ${ROLES} by its name`;
}

/** `roles['A Name']` is in the map. */
export function roleNames({ texts, files }: Project): readonly string[] {
  const map = JSON.parse(texts.get(ROLES) ?? '{}') as Verified;
  return [...files].flatMap(([path, file]) => {
    const maps = file.variables
      .filter(({ value: { kind, ...call } }) => kind === 'call' && 'args' in call && loads(call.args[0]))
      .map(({ name }) => name);
    return [...everyExpression(file)].flatMap(([one]) => {
      const of = one.kind === 'index' || one.kind === 'member' ? one.of : undefined;
      if (of?.kind !== 'name' || !maps.includes(of.name)) return [];
      const index = one.kind === 'index' ? one.index : undefined;
      const name = one.kind === 'member' ? one.name : index?.kind === 'literal' ? String(index.value) : undefined;
      return name === undefined || name in map ? [] : [`${at(path, one.line)}: ${name} is not in ${ROLES}`];
    });
  });
}

function loads(argument: { readonly kind: string; readonly value?: unknown } | undefined): boolean {
  return argument?.kind === 'literal' && String(argument.value).endsWith('role-definitions.json');
}
