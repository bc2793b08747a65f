import type { Problem } from '../../rotation/errors.ts';
import type { Authentication, Condition, Description, Json, Operation, Templates } from './description.ts';
import { brokenIn, namesIn, namesInText } from './template.ts';

/** What a description must keep that its schema cannot say: which names may stand where, and what belongs together. */

/** Given by the service itself; never a variable. */
const OWN = {
  create: ['label', 'expires.iso', 'expires.date', 'expires.epoch', 'expires.seconds'],
  list: ['cursor'],
  test: ['credential.id'],
  revoke: ['id'],
} as const;
type Verb = keyof typeof OWN;
const VERBS: readonly Verb[] = ['create', 'list', 'test', 'revoke'];
const SECRET = /^secret(?:\.[A-Za-z][A-Za-z0-9_]*)?$/;
const EXPIRES = /\{\{\s*expires\./;
/** They say where a request goes and where it ends: a front of many services would take the credential elsewhere by `host`. */
const OF_THE_CONNECTION =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|forwarded|x-forwarded-.*|x-original-.*|x-rewrite-url|proxy-.*|accept-encoding)$/i;

type Say = (path: string, message: string) => void;

/** Pure. @param path where the description stands in the settings */
export function ruleProblems(description: Description, path: string): readonly Problem[] {
  const found: Problem[] = [];
  const say: Say = (below, message) => void found.push({ path: `${path}.${below}`, message });
  const variables = Object.keys(description.variables ?? {});
  names(say, 'authentication', authTemplates(description.authentication), variables, SECRET);
  names(say, 'headers', description.headers, variables);
  for (const [at, headers] of headersOf(description)) connection(say, at, headers);
  for (const verb of VERBS) operation(say, verb, description[verb], [...variables, ...OWN[verb]]);
  const ofTest = /^(?:secret(?:\.[A-Za-z][A-Za-z0-9_]*)?|credential\.(?:id|value))$/;
  names(say, 'test.authentication', authTemplates(description.test.authentication), variables, ofTest);
  if (!namesIn(authTemplates(description.test.authentication)).includes('credential.value')) {
    say('test.authentication', 'proves nothing without {{credential.value}}');
  }
  labels(say, description);
  lifetimes(say, description);
  paging(say, description);
  for (const [at, conditions] of Object.entries({
    'errors.when': description.errors?.when,
    'list.where': description.list.where,
    'test.where': description.test.where,
    'test.known.when': description.test.known === undefined ? undefined : [description.test.known.when],
  })) {
    for (const [index, one] of (conditions ?? []).entries()) condition(say, `${at}[${index}]`, one);
  }
  return found;
}

function headersOf(description: Description): readonly (readonly [string, Templates | undefined])[] {
  const { authentication, test } = description;
  return [
    ['headers', description.headers],
    ...VERBS.map((verb) => [`${verb}.headers`, description[verb].headers] as const),
    ...[authentication, test.authentication].map(
      (one, index) =>
        [
          `${index === 0 ? '' : 'test.'}authentication.headers`,
          one.kind === 'headers' ? one.headers : undefined,
        ] as const,
    ),
  ];
}

function connection(say: Say, at: string, headers: Templates = {}): void {
  for (const name of Object.keys(headers)) {
    if (OF_THE_CONNECTION.test(name)) say(`${at}.${name}`, 'is not for a description to say: it steers the connection');
  }
}

export function authTemplates(authentication: Authentication): Templates {
  switch (authentication.kind) {
    case 'bearer':
      return { token: authentication.token };
    case 'basic':
      return { user: authentication.user, password: authentication.password };
    case 'headers':
      return authentication.headers;
  }
}

function operation(say: Say, verb: Verb, its: Operation, known: readonly string[]): void {
  names(say, `${verb}.path`, its.path, known);
  names(say, `${verb}.query`, its.query, known);
  names(say, `${verb}.headers`, its.headers, known);
  names(say, `${verb}.form`, its.form, known);
  names(say, `${verb}.body`, its.body, known);
  if (its.body !== undefined && its.form !== undefined) say(verb, 'has a body and a form; only one can be sent');
  if (its.method === 'GET' && (its.body ?? its.form) !== undefined) say(`${verb}.method`, 'GET sends no body');
}

function names(say: Say, path: string, template: Json | undefined, known: readonly string[], also?: RegExp): void {
  for (const name of new Set(namesIn(template))) {
    if (known.includes(name) || also?.test(name) === true) continue;
    const secret = name === 'credential.value' || SECRET.test(name);
    say(path, secret ? `{{${name}}} may stand in an authentication only` : `nothing gives {{${name}}} here`);
  }
  if (brokenIn(template).length > 0) say(path, 'holds a {{ that begins no {{name}}');
}

function labels(say: Say, { label, create, list }: Description): void {
  const given = namesIn([create.body ?? '', create.form ?? {}, create.query ?? {}]).includes('label');
  if (label !== undefined) {
    if (!given) say('create', 'does not give {{label}}, though there is a label');
    if (list.item.label === undefined) say('list.item.label', 'is missing, though there is a label');
    return;
  }
  if (given) say('label', 'is missing, though {{label}} is given');
  if (list.item.created !== undefined) return;
  say('label', 'is missing, and so is list.item.created: a key whose answer was lost could never be found again');
}

function lifetimes(say: Say, { limits, create }: Description): void {
  const given = EXPIRES.test(JSON.stringify([create.body ?? '', create.form ?? {}, create.query ?? {}]));
  if (given && limits?.lifetimeDays === undefined)
    say('limits.lifetimeDays', 'is missing, though {{expires.…}} is given');
}

function paging(say: Say, { list }: Description): void {
  const inBody = namesIn([list.body ?? '', list.form ?? {}, list.query ?? {}]).includes('cursor');
  const cursor = list.pages?.kind === 'cursor' ? list.pages : undefined;
  if (inBody && cursor === undefined) say('list.pages', 'is not of the kind cursor, though {{cursor}} is given');
  if (cursor !== undefined && (cursor.query !== undefined) === inBody) {
    say('list.pages', 'needs one place for the cursor: query, or {{cursor}} in the body');
  }
}

function condition(say: Say, path: string, { equals, not, present }: Condition): void {
  if ([equals, not, present].filter((one) => one !== undefined).length === 1) return;
  say(path, 'needs exactly one of equals, not, present');
}

/** Where a variable stands beside other text, its value must be one that can be written there. */
export function textNames(description: Description): ReadonlySet<string> {
  const operations = VERBS.map((verb) => description[verb]);
  const inBodies = operations.flatMap(({ body }) => namesInText(body));
  const elsewhere = operations.flatMap(({ path, query, headers, form }) =>
    namesIn([path, query ?? {}, headers ?? {}, form ?? {}]),
  );
  const auth = [description.authentication, description.test.authentication].map(authTemplates);
  return new Set([...inBodies, ...elsewhere, ...namesIn([...auth, description.headers ?? {}])]);
}
