import type { Engine } from '../rotation/engine.ts';
import { RotationError, type Problem } from '../rotation/errors.ts';
import type { ObjectKind, ObjectRef } from '../rotation/ports.ts';

/* The parts that requests have in common. What is wrong is added to the list of problems, and something harmless returned. */

export type Fields = Readonly<Record<string, unknown>>;

export function readObject(engine: Engine, fields: Fields, problems: Problem[]): ObjectRef {
  const { name } = fields;
  if (typeof name !== 'string' || !/^[0-9a-zA-Z-]{1,127}$/.test(name)) {
    problems.push({
      path: 'name',
      message: 'is the name of the secret, key or certificate: 1 to 127 letters, digits and hyphens',
    });
  }
  const vault = typeof fields['vault'] === 'string' ? vaultOf(engine, fields['vault'], problems) : '';
  if (typeof fields['vault'] !== 'string')
    problems.push({ path: 'vault', message: 'is the URL or the name of a served vault' });
  return { kind: 'secret', vault, name: typeof name === 'string' ? name.toLowerCase() : '' };
}

/** A served vault by its URL or, where that is clear, by its short name. */
export function vaultOf(engine: Engine, given: string, problems: Problem[]): string {
  const text = given.trim().toLowerCase().replace(/\/+$/, '');
  const { vaults } = engine.configuration;
  const matches = vaults.filter((vault) => vault === text || new URL(vault).hostname.split('.')[0] === text);
  if (matches.length === 1 && matches[0] !== undefined) return matches[0];
  problems.push({
    path: 'vault',
    message:
      matches.length > 1
        ? `${given} is the name of several served vaults; give the URL: ${matches.join(', ')}`
        : `${given} is not served; KEYTURN_VAULTS names ${vaults.join(', ')}`,
  });
  return '';
}

export function readKind(fields: Fields, problems: Problem[]): ObjectKind {
  const kind = fields['kind'] ?? 'secret';
  if (kind === 'secret' || kind === 'key' || kind === 'certificate') return kind;
  problems.push({ path: 'kind', message: 'is "secret" (the default), "key" or "certificate"' });
  return 'secret';
}

/** Of what has consumers: keys have users, which their tags name. */
export function readConsumedKind(given: unknown, problems: Problem[]): 'secret' | 'certificate' {
  const kind = given ?? 'secret';
  if (kind === 'secret' || kind === 'certificate') return kind;
  problems.push({ path: 'kind', message: 'is "secret" (the default) or "certificate"' });
  return 'secret';
}

export function readFlag(fields: Fields, name: string, problems: Problem[]): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') problems.push({ path: name, message: 'is true or false' });
  return value === true;
}

export function asFields(body: unknown, known: readonly string[], problems: Problem[]): Fields {
  if (typeof body === 'string') throw badRequest([{ path: '', message: `the body is not JSON${whereBroken(body)}` }]);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest([{ path: '', message: `the body is to be a JSON object with ${known.join(', ')}` }]);
  }
  problems.push(...unknownKeys(body, known));
  return body as Fields;
}

/** Where the JSON ends to be JSON, without quoting any of it. */
function whereBroken(text: string): string {
  try {
    JSON.parse(text);
    return ' object';
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    return position === undefined ? '' : `: it breaks at character ${position}`;
  }
}

export function unknownKeys(given: object, known: readonly string[]): Problem[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => ({ path: key, message: `is not known; there are ${known.join(', ')}` }));
}

export function badRequest(problems: readonly Problem[]): RotationError {
  return new RotationError({
    code: 'REQUEST_INVALID',
    recovery: 'human',
    message: problems.map((p) => (p.path === '' ? p.message : `${p.path}: ${p.message}`)).join('; '),
    problems,
    remedy: 'The requests are described in docs/runbook.md.',
  });
}
