/** Keys of a Functions app (facts C). */
import { badRequest, base64Key, valuesOf } from '../service.ts';
import type { Operation, Resource, Service } from '../service.ts';
import { graphOf, servedBy, shownSite, siteOperations } from './web/sites.ts';

const SITE = 'Microsoft.Web/sites';
const keyMap = (resource: Resource, set: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(valuesOf(resource))
      .filter(([name]) => name.startsWith(`${set}/`))
      .map(([name, value]) => [name.slice(set.length + 1), value]),
  );

/** A Functions app with one function, `orders`. A key that is put and does not exist is made. */
export const functionKeys: Service = {
  address: `${SITE}/{name}`,
  slots: ['masterKey/_master', 'functionKeys/default', 'functions/orders/default', 'systemKeys/eventgrid_extension'],
  mint: base64Key(40),
  graph: graphOf,
  listed: shownSite,
  serves: servedBy,
  operations: [
    ...siteOperations(SITE),
    {
      method: 'POST',
      path: /^\/host\/default\/listkeys$/i,
      action: `${SITE}/host/listkeys/action`,
      begin:
        ({ resource }) =>
        () => {
          const masterKey = valuesOf(resource)['masterKey/_master'];
          const sets = { functionKeys: keyMap(resource, 'functionKeys'), systemKeys: keyMap(resource, 'systemKeys') };
          return { status: 200, body: { masterKey, ...sets } };
        },
    },
    {
      method: 'POST',
      path: /^\/functions\/orders\/listkeys$/i,
      action: `${SITE}/functions/listkeys/action`,
      begin:
        ({ resource }) =>
        () => ({ status: 200, body: keyMap(resource, 'functions/orders') }),
    },
    put(/^\/host\/default\/(functionKeys)\/([^/]+)$/i, `${SITE}/host/functionKeys/write`, 'functionKeys'),
    put(/^\/host\/default\/(systemKeys)\/([^/]+)$/i, `${SITE}/host/systemKeys/write`, 'systemKeys'),
    put(/^\/functions\/(orders)\/keys\/([^/]+)$/i, `${SITE}/functions/keys/write`, 'functions/orders'),
  ],
};

function put(path: RegExp, action: string, set: string): Operation {
  return {
    method: 'PUT',
    path,
    action,
    begin({ request, resource, match, renew }) {
      const { properties } = (request.json ?? {}) as { properties?: { name?: string; value?: string | null } };
      if (properties === undefined) throw badRequest('Properties object is not present in the request body.');
      const slot = `${set}/${match[2] ?? ''}`;
      const existed = resource.keys.has(slot);
      return () => {
        const { value } = renew(slot, properties.value ?? undefined);
        const id = `${resource.id}${match[0]}`;
        return { status: existed ? 200 : 201, body: { id, name: match[2], properties: { name: match[2], value } } };
      };
    },
  };
}
