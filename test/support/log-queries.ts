/** What queries read from the entries of the log: names of events, and paths of fields. Pure. */

/** `entry.event == 'sweep.vault'`. */
export function eventsOf(query: string): readonly string[] {
  return [...code(query).matchAll(/\bentry\.event\s*==\s*'([^']+)'/g)].map(([, name = '']) => name);
}

/**
 * `failure.code` for `entry.failure.code`, and `blocked[].object` for `run.object` after `mv-expand run = entry.blocked`.
 * The event's own name is left out.
 */
export function pathsOf(query: string): readonly string[] {
  const text = code(query);
  const roots = new Map([['entry', '']]);
  for (const [, name = '', field = ''] of text.matchAll(/\bmv-expand\s+(\w+)\s*=\s*entry\.(\w+)/g)) {
    roots.set(name, `${field}[].`);
  }
  const found = [...roots].flatMap(([root, prefix]) =>
    [...text.matchAll(new RegExp(`\\b${root}\\.([a-z]\\w*(?:\\.\\w+)*)`, 'gi'))].map(([, path = '']) => prefix + path),
  );
  return [...new Set(found)].filter((path) => path !== 'event');
}

/** Does the entry hold something at this path? Of a list, its first item is looked at. */
export function holds(entry: unknown, path: string): boolean {
  let at: unknown = entry;
  for (const part of path.split('.')) {
    const isList = part.endsWith('[]');
    at = (at as Readonly<Record<string, unknown>> | undefined)?.[isList ? part.slice(0, -2) : part];
    if (isList) at = Array.isArray(at) ? (at as readonly unknown[])[0] : undefined;
  }
  return at !== undefined;
}

/** Without comments. */
function code(query: string): string {
  return query.replaceAll(/^\s*\/\/.*$/gm, '');
}
