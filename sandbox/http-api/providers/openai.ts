/**
 * https://platform.openai.com/docs/api-reference/administration: a service account of a project brings one key with it, and
 * takes it along when it is deleted. A project key may not use the administration API, and an admin key no other.
 */
import {
  admin,
  authorization,
  bearerAdministrator,
  epoch,
  hex,
  numberOf,
  refusing,
  textOf,
  throttling,
  token,
} from '../provider.ts';
import { withKey, type Ask, type Key, type Provider } from '../provider.ts';
import type { SandboxResponse } from '../../http.ts';

const error = (type: string, code: string | null, message: string): unknown => ({
  error: { message, type, param: null, code },
});
const problems: Provider['problems'] = {
  unauthenticated: refusing(401, error('invalid_request_error', 'invalid_api_key', 'Incorrect API key provided')),
  forbidden: refusing(
    403,
    error('invalid_request_error', null, 'You have insufficient permissions for this operation.'),
  ),
  absent: refusing(404, error('invalid_request_error', null, 'No such resource')),
  throttled: throttling(error('requests', 'rate_limit_exceeded', 'Rate limit reached')),
  unavailable: refusing(503, error('server_error', null, 'The server is overloaded')),
};

/** After the object that `after` names, at most `limit`. */
function listing({ request, keys }: Ask, resource: (key: Key) => object): SandboxResponse {
  const after = keys.findIndex(({ id }) => id === request.query.get('after'));
  const limit = numberOf(request.query, 'limit', 20);
  const page = keys.slice(after + 1, after + 1 + limit);
  const ends = { first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null };
  const more = after + 1 + limit < keys.length;
  return { status: 200, body: { object: 'list', data: page.map(resource), ...ends, has_more: more } };
}

const account = ({ id, name, createdAt }: Key): object => ({
  ...{ object: 'organization.project.service_account', id, name, role: 'member', created_at: epoch(createdAt) },
});
const adminKey = ({ id, name, value, createdAt }: Key): object => ({
  ...{ object: 'organization.admin_api_key', id, name, redacted_value: `${value.slice(0, 8)}...${value.slice(-3)}` },
  ...{ created_at: epoch(createdAt), last_used_at: null, owner: { type: 'user', role: 'owner' } },
});

const ACCOUNTS = '/v1/organization/projects/proj_1/service_accounts';
const ADMIN_KEYS = '/v1/organization/admin_api_keys';
const shared = {
  administrator: () => bearerAdministrator(`sk-admin-${token(40)}`),
  presented: authorization,
  presents: (key: Key) => `Bearer ${key.value}`,
  problems,
};

export const openaiServiceAccounts: Provider = {
  ...shared,
  name: 'openai-service-accounts',
  host: 'api.openai',
  mint: () => ({ id: `user-${hex(24)}`, value: `sk-svcacct-${token(40)}` }),
  routes: [
    admin('POST', ACCOUNTS, ({ json, make }) => {
      const name = textOf(json['name']);
      if (name === undefined)
        return refusing(400, error('invalid_request_error', 'missing_required_parameter', 'name'));
      const key = make(name);
      const made = { object: 'organization.project.service_account.api_key', name: 'Secret Key', id: `key_${hex(16)}` };
      return {
        status: 200,
        body: { ...account(key), api_key: { ...made, value: key.value, created_at: epoch(key.createdAt) } },
      };
    }),
    admin('GET', ACCOUNTS, (ask) => listing(ask, account)),
    admin('DELETE', `${ACCOUNTS}/:id`, ({ params, remove }) => {
      const body = { object: 'organization.project.service_account.deleted', id: params['id'], deleted: true };
      return remove(params['id'] ?? '') ? { status: 200, body } : problems.absent;
    }),
    withKey('GET', '/v1/models', () => ({ status: 200, body: { object: 'list', data: [] } })),
  ],
};

export const openaiAdminKeys: Provider = {
  ...shared,
  name: 'openai-admin-keys',
  host: 'api.openai-admin',
  mint: () => ({ id: `key_${hex(16)}`, value: `sk-admin-${token(40)}` }),
  routes: [
    admin('POST', ADMIN_KEYS, ({ json, make }) => {
      const key = make(textOf(json['name']) ?? '');
      return { status: 200, body: { ...adminKey(key), value: key.value } };
    }),
    withKey('GET', ADMIN_KEYS, (ask) => listing(ask, adminKey)),
    admin('DELETE', `${ADMIN_KEYS}/:id`, ({ params, remove }) => {
      const body = { object: 'organization.admin_api_key.deleted', id: params['id'], deleted: true };
      return remove(params['id'] ?? '') ? { status: 200, body } : problems.absent;
    }),
  ],
};
