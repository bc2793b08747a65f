import type { RegisteredFunction } from './core.ts';

export interface Match {
  readonly fn: RegisteredFunction;
  readonly params: Readonly<Record<string, string>>;
}

/** Finds the HTTP function for a method and a path below the route prefix. */
export type Router = (method: string, segments: readonly string[]) => Match | undefined;

interface Route {
  readonly fn: RegisteredFunction;
  readonly parts: readonly string[];
  readonly methods: readonly string[];
}

/** Routes are `a/{b}/{c?}/{*rest}`; the one with most literal parts wins, as the more exact one does on the platform. */
export function createRouter(functions: Iterable<RegisteredFunction>): Router {
  const routes = [...functions].filter((fn) => /^httptrigger$/i.test(fn.trigger.type)).map(toRoute);
  const literals = (route: Route): number => route.parts.filter((part) => !part.startsWith('{')).length;
  routes.sort((a, b) => literals(b) - literals(a));
  return (method, segments) => {
    for (const route of routes) {
      if (route.methods.length > 0 && !route.methods.includes(method)) continue;
      const params = matchParts(route.parts, segments);
      if (params !== undefined) return { fn: route.fn, params };
    }
    return undefined;
  };
}

function toRoute(fn: RegisteredFunction): Route {
  const { route, methods } = fn.trigger;
  return {
    fn,
    parts: (typeof route === 'string' ? route : fn.metadata.name).split('/'),
    methods: Array.isArray(methods) ? methods.map((method) => String(method).toUpperCase()) : [],
  };
}

function matchParts(parts: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const parameter = /^\{(\*)?(\w+)(?::\w+)?(\?)?\}$/.exec(part);
    const segment = segments[i];
    if (parameter === null) {
      if (segment?.toLowerCase() !== part.toLowerCase()) return undefined;
      continue;
    }
    const [, rest, name = '', optional] = parameter;
    if (rest !== undefined) return { ...params, [name]: segments.slice(i).join('/') };
    if (segment === undefined || segment === '') {
      if (optional === undefined) return undefined;
      continue;
    }
    params[name] = segment;
  }
  return segments.length > parts.length ? undefined : params;
}
