/** All the Bicep of a repository, with what it loads. */
import { globSync, readFileSync } from 'node:fs';
import { posix, sep } from 'node:path';
import { parseBicep } from './parse.ts';
import type { BicepFile, Decorator, Parameter, TypeNode } from './syntax.ts';
import { BicepSyntaxError } from './tokens.ts';

export interface Project {
  /** By path from the repository's root, `infra/main.bicep`; also what is loaded: JSON, KQL. */
  readonly texts: ReadonlyMap<string, string>;
  /** Templates in JSON among them, with their parameters and outputs. */
  readonly files: ReadonlyMap<string, BicepFile>;
  /** Files that cannot be read; they are not in `files`. */
  readonly mistakes: readonly string[];
}

/** What is deployed as such: everything, and what comes after the code where events are delivered to the function. */
export const ENTRIES: readonly string[] = ['infra/main.bicep', 'infra/function-delivery.bicep'];

export const at = (path: string, line: number): string => `${path}:${line}`;

export function project(texts: ReadonlyMap<string, string>): Project {
  const files = new Map<string, BicepFile>();
  const mistakes: string[] = [];
  for (const [path, text] of texts) {
    if (path.endsWith('.json') && text.includes('deploymentTemplate.json#')) files.set(path, template(text));
    if (!/\.bicep(?:param)?$/.test(path)) continue;
    try {
      files.set(path, parseBicep(text));
    } catch (error) {
      if (!(error instanceof BicepSyntaxError)) throw error;
      mistakes.push(`${at(path, error.line)}: ${error.message}`);
    }
  }
  return { texts, files, mistakes };
}

/** Everything that Bicep may load: modules, parameters, JSON, queries; and the code's own JSON. */
export function readFolder(root: string): ReadonlyMap<string, string> {
  const paths = globSync(['infra/**/*.{bicep,bicepparam,json,kql,csv,txt}', 'src/**/*.json', 'docs/access.md'], {
    cwd: root,
  });
  return new Map(
    paths
      .map((path) => path.split(sep).join('/'))
      .sort()
      .map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')]),
  );
}

/** The file that a path in another file means. */
export function beside(path: string, relative: string): string {
  return posix.join(posix.dirname(path), relative);
}

interface Named {
  readonly type: string;
  readonly defaultValue?: unknown;
  readonly metadata?: { readonly description?: string };
}
interface Template {
  readonly $schema: string;
  readonly parameters?: Readonly<Record<string, Named>>;
  readonly outputs?: Readonly<Record<string, Named>>;
}

/** A template in JSON as a module: what is given to it and what it gives. Its resources are not looked into. */
function template(text: string): BicepFile {
  const { $schema, parameters = {}, outputs = {} } = JSON.parse(text) as Template;
  const line = 1;
  const declared = (all: Readonly<Record<string, Named>>): readonly Parameter[] =>
    Object.entries(all).map(([name, { type, defaultValue, metadata }]) => {
      const description = { kind: 'literal', value: metadata?.description ?? '', line } as const;
      const decorators: readonly Decorator[] = [{ name: 'description', args: [description], line }];
      const typed: TypeNode = { kind: 'named', name: type, line };
      const fallback = { kind: 'literal', value: null, line } as const;
      return { name, type: typed, decorators, line, ...(defaultValue === undefined ? {} : { default: fallback }) };
    });
  return {
    targetScope: $schema.includes('subscriptionDeployment') ? 'subscription' : 'resourceGroup',
    ...{ imports: [], variables: [], types: [], functions: [], resources: [], modules: [], assigned: [] },
    parameters: declared(parameters),
    outputs: declared(outputs).map((one) => ({ ...one, value: { kind: 'literal', value: null, line } })),
  };
}
