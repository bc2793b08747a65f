/**
 * Reads TypeScript source for what the project's rules are about: imports, globals, forbidden spellings. Pure: a path
 * and a text in, facts or problems out, so that the rules themselves are tested on small strings.
 */
import { posix } from 'node:path';
import ts from 'typescript';

export interface Import {
  readonly specifier: string;
  /** `type` leaves no trace at run time; `dynamic` is loaded when it is first used. */
  readonly form: 'static' | 'dynamic' | 'type';
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

export function importsOf(path: string, text: string): readonly Import[] {
  const found: Import[] = [];
  walk(parse(path, text), (node) => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, form: isTypeOnly(node.importClause) ? 'type' : 'static' });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, form: node.isTypeOnly ? 'type' : 'static' });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      // An import whose target is computed cannot be judged, so it is nobody's: no allow-list names it.
      const specifier = argument && ts.isStringLiteralLike(argument) ? argument.text : '<computed>';
      found.push({ specifier, form: 'dynamic' });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found.push({ specifier: (node.argument.literal as ts.StringLiteral).text, form: 'type' });
    }
  });
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { namedBindings } = clause;
  if (clause.name !== undefined || namedBindings === undefined || ts.isNamespaceImport(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly);
}

/** The file that a relative specifier means, from the repository's root; a package's name stays what it is. */
export function resolve(path: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier;
}

/** One file or folder (with a slash at its end), or a package. */
function matches(target: string, pattern: string): boolean {
  return pattern.endsWith('/') ? target.startsWith(pattern) : target === pattern;
}

export interface Layer {
  /** Files and folders; the first layer that has the file counts. */
  readonly files: readonly string[];
  /** What they may import besides their own folder: files, folders and packages. */
  readonly may: readonly string[];
}

/** Imports of this file that its layer does not allow. */
export function directionProblems(path: string, text: string, layers: readonly Layer[]): readonly string[] {
  const layer = layers.find(({ files }) => files.some((pattern) => matches(path, pattern)));
  if (layer === undefined) return [`${path} is in no layer: name it in test/architecture.test.ts`];
  return importsOf(path, text)
    .map(({ specifier }) => resolve(path, specifier))
    .filter((target) => ![...layer.files, ...layer.may].some((pattern) => matches(target, pattern)))
    .map((target) => `${path} may not import ${target}`);
}

/** Packages that are loaded with the file: each costs every cold start. */
export function staticPackages(path: string, text: string): readonly string[] {
  return importsOf(path, text)
    .filter(({ specifier, form }) => form === 'static' && !/^(?:\.|node:)/.test(specifier))
    .map(({ specifier }) => specifier);
}

/** Clock, chance and environment, which are read in one place each. */
export function globalsOf(path: string, text: string): readonly string[] {
  const found = new Set<string>();
  walk(parse(path, text), (node) => {
    if (ts.isPropertyAccessExpression(node)) {
      const name = node.getText().replaceAll(/\s/g, '');
      if (['process.env', 'Date.now', 'Math.random', 'performance.now', 'AbortSignal.timeout'].includes(name)) {
        found.add(name);
      }
    } else if (ts.isIdentifier(node) && /^set(?:Timeout|Interval|Immediate)$/.test(node.text)) {
      found.add(node.text);
    } else if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) {
      found.add('new Date()');
    }
  });
  return [...found];
}

/** Does it take a secret's value out of its wrapper? */
export function reveals(path: string, text: string): boolean {
  let found = false;
  walk(parse(path, text), (node) => {
    found ||= ts.isPropertyAccessExpression(node) && node.name.text === 'reveal';
  });
  return found;
}

/** Branches on a `kind`: a rotator or consumer is looked up in its registry, never told apart. */
export function kindBranches(path: string, text: string): readonly string[] {
  const found: string[] = [];
  walk(parse(path, text), (node) => {
    if (ts.isSwitchStatement(node) && /(?:^|\.)kind$/.test(node.expression.getText())) {
      found.push(`${path} switches on ${node.expression.getText()}`);
    }
  });
  return found;
}

/** String literals equal to one of these. */
export function literalsOf(path: string, text: string, values: readonly string[]): readonly string[] {
  const found: string[] = [];
  walk(parse(path, text), (node) => {
    if (ts.isStringLiteralLike(node) && values.includes(node.text)) found.push(node.text);
  });
  return found;
}

const RUNNERS = ['describe', 'it', 'test', 'suite', 'bench'];

/** What this project does not do anywhere. */
export function forbidden(path: string, text: string): readonly string[] {
  const found: string[] = [];
  walk(parse(path, text), (node) => {
    if (ts.isAsExpression(node) && node.type.kind === ts.SyntaxKind.AnyKeyword) found.push('as any');
    if (ts.isCatchClause(node) && node.block.statements.length === 0) found.push('an empty catch');
    if (!ts.isPropertyAccessExpression(node)) return;
    const [subject, member] = [node.expression.getText(), node.name.text];
    if (subject === 'vi' && /^(?:mock|doMock|hoisted)$/.test(member)) found.push(`vi.${member}`);
    if (RUNNERS.includes(subject) && /^(?:skip|only|todo|fails)$/.test(member)) found.push(`${subject}.${member}`);
  });
  const comments = /@ts-(?:ignore|expect-error|nocheck)|eslint[-]disable[-\w]*/g;
  for (const [comment] of text.matchAll(comments)) found.push(comment);
  return found.map((what) => `${path}: ${what}`);
}

/** Lines as an editor counts them. */
export function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
