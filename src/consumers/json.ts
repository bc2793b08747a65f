/* Reading ARM's answers, which are taken for nothing that they do not show. */

export type Json = Readonly<Record<string, unknown>>;

export function objectIn(body: unknown, ...path: readonly string[]): Json {
  const found = path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), body);
  return isObject(found) ? found : {};
}

export function textIn(body: Json, key: string): string | undefined {
  const value = body[key];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** The objects of an array; empty where there is none. */
export function listIn(body: Json, key: string): readonly Json[] {
  const value = body[key];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The texts of an array; empty where there is none. */
export function textsIn(body: Json, key: string): readonly string[] {
  const value = body[key];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string' && one !== '') : [];
}

/** Without these members: what ARM only shows is not sent back. */
export function without(body: Json, ...names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
