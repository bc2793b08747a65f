/** What is granted: each assignment of a role is of one that was verified, or of one that is made here. */
import type { Deployed } from '../bicep/deploy.ts';
import { at } from '../bicep/project.ts';
import { isFields, textOf } from '../bicep/values.ts';
import type { Scenario } from './app.ts';
import type { Verified } from './roles.ts';

const POLICY = /^\/providers\/Microsoft\.Authorization\/policyDefinitions\/([0-9a-f-]{36})$/;

const ROLE = /^\/subscriptions\/[^/]+\/providers\/Microsoft\.Authorization\/roleDefinitions\/([0-9a-f-]{36})$/;

export function grants(scenarios: readonly Scenario[], verified: Verified): readonly string[] {
  const known = new Set(Object.values(verified));
  const problems = scenarios.flatMap(({ resources }) => {
    const made = new Set(ofType(resources, 'roleDefinitions').map(({ id }) => id));
    return ofType(resources, 'roleAssignments').flatMap(({ path, line, symbol, body }) => {
      const properties = isFields(body['properties']) ? body['properties'] : {};
      const role = textOf(properties['roleDefinitionId'] ?? '');
      const type = textOf(properties['principalType'] ?? '');
      const where = `${at(path, line)}: ${symbol}`;
      const granted = made.has(role) || known.has(ROLE.exec(role)?.[1] ?? '');
      return [
        ...(granted || role.includes('‹')
          ? []
          : [`${where} grants '${role}', which is neither a verified role nor made here`]),
        ...(['ServicePrincipal', 'User', 'Group'].includes(type)
          ? []
          : [`${where} is for a principal of the type '${type}'`]),
      ];
    });
  });
  return [...new Set(problems)];
}

/** A policy is assigned by the id of one of Azure's own. */
export function policies(scenarios: readonly Scenario[], verified: Verified): readonly string[] {
  const known = new Set(Object.values(verified));
  const problems = scenarios.flatMap(({ resources }) =>
    ofType(resources, 'policyAssignments').flatMap(({ path, line, name, body }) => {
      const properties = isFields(body['properties']) ? body['properties'] : {};
      const id = textOf(properties['policyDefinitionId'] ?? '');
      return known.has(POLICY.exec(id)?.[1] ?? '')
        ? []
        : [`${at(path, line)}: ${name} assigns '${id}', which is no policy that was verified`];
    }),
  );
  return [...new Set(problems)];
}

function ofType(resources: readonly Deployed[], kind: string): readonly Deployed[] {
  return resources.filter(({ type, existing }) => type === `Microsoft.Authorization/${kind}` && !existing);
}
