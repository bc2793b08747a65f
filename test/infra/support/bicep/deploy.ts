/**
 * Works out what a deployment of a Bicep file would send to Azure: every resource with its name, its place and its body. What only
 * the deployment itself would tell is an `Unknown`. The rest is computed, conditions, loops and modules included.
 */
import { Frame, type Deployed, type World } from './frame.ts';
import { fits } from './fits.ts';
import type { Place } from './place.ts';
import { at, type Project } from './project.ts';
import type { Fields } from './values.ts';

export type { Deployed } from './frame.ts';

export interface Deployment {
  readonly resources: readonly Deployed[];
  readonly outputs: Fields;
  /** What cannot be worked out, or would fail: `main.bicep:12: …`. */
  readonly problems: readonly string[];
}

export const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';

/** @param params as a .bicepparam file would give them; those left out have their defaults */
export function deploy(
  project: Project,
  entry: string,
  params: Fields,
  place: Place = { subscriptionId: SUBSCRIPTION },
): Deployment {
  const resources: Deployed[] = [];
  const problems = new Set<string>();
  const world: World = {
    project,
    deployed: (one) => void resources.push(one),
    problem: (path, line, text) => void problems.add(`${at(path, line)}: ${text}`),
    frames: new Map(),
  };
  const file = project.files.get(entry);
  if (file === undefined) return { resources, outputs: {}, problems: [`${entry} is not there, or cannot be read`] };
  const frame = new Frame(world, entry, file, params, place);
  for (const { name, line, type, decorators } of file.parameters) {
    const value = params[name];
    if (value === undefined) continue;
    for (const problem of fits(frame, type, value, name, decorators)) world.problem(entry, line, problem);
  }
  const outputs = frame.run();
  return { resources, outputs, problems: [...problems] };
}

/** What a .bicepparam file assigns, and the file that it is for. */
export function assignments(
  project: Project,
  path: string,
  env: Fields = {},
): { readonly using: string; readonly params: Fields } {
  const file = project.files.get(path);
  if (file === undefined) return { using: '', params: {} };
  const world: World = { project, deployed: () => undefined, problem: () => undefined, frames: new Map(), env };
  const frame = new Frame(world, path, file, {}, { subscriptionId: SUBSCRIPTION });
  const params = Object.fromEntries(file.assigned.map(({ name, value }) => [name, frame.evaluate(value)]));
  return { using: file.using ?? '', params };
}
