import type { Json } from './description.ts';

/** `{{name}}` in the texts of a description. Pure. */
const PLACE = /\{\{([^{}]*)\}\}/g;
const WHOLE = /^\{\{([^{}]*)\}\}$/;

export type Values = Readonly<Record<string, Json>>;

/** The names that stand in a text, or in every text of a body. */
export function namesIn(template: Json | undefined): readonly string[] {
  if (typeof template === 'string') return [...template.matchAll(PLACE)].map(([, name = '']) => name.trim());
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap((part: Json) => namesIn(part));
}

/** Texts in which `{{` begins no name: it would be sent as it is. */
export function brokenIn(template: Json | undefined): readonly string[] {
  if (typeof template === 'string') return template.replace(PLACE, '').includes('{{') ? [template] : [];
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap((part: Json) => brokenIn(part));
}

/** Names that stand beside other text, where only a text, a number or a truth value can be put. */
export function namesInText(template: Json | undefined): readonly string[] {
  if (typeof template === 'string') return WHOLE.test(template) ? [] : namesIn(template);
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap((part: Json) => namesInText(part));
}

/**
 * The text with its values in place.
 * @param encode applied to each value, not to what stands around it
 */
export function fill(template: string, values: Values, encode: (value: string) => string = (value) => value): string {
  return template.replace(PLACE, (_place, name: string) => encode(scalar(valueOf(values, name), name)));
}

/** A body with its values in place: `"{{scopes}}"` alone becomes the value itself, whatever its type. */
export function fillBody(template: Json, values: Values): Json {
  if (typeof template === 'string') {
    const whole = WHOLE.exec(template)?.[1];
    return whole === undefined ? fill(template, values) : valueOf(values, whole);
  }
  if (isList(template)) return template.map((part) => fillBody(part, values));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([name, part]) => [name, fillBody(part, values)]));
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function valueOf(values: Values, name: string): Json {
  const value = values[name.trim()];
  // Which names may stand where is checked when the settings are read.
  if (value === undefined) throw new TypeError(`nothing is known of {{${name}}} here`);
  return value;
}

function scalar(value: Json, name: string): string {
  if (value === null || typeof value === 'object') throw new TypeError(`{{${name}}} cannot stand in a text`);
  return String(value);
}
