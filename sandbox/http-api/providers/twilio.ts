/** https://www.twilio.com/docs/iam/api-keys/key-resource-v2010: forms go in, a standard key may not manage keys. */
import {
  admin,
  authorization,
  basic,
  hex,
  numberOf,
  pageOf,
  refusing,
  textOf,
  throttling,
  token,
} from '../provider.ts';
import { withKey, type Key, type Provider } from '../provider.ts';

const ACCOUNT = 'AC00000000000000000000000000000001';
const BASE = `/2010-04-01/Accounts/${ACCOUNT}`;
const problem = (status: number, code: number, message: string): unknown => ({
  code,
  message,
  more_info: `https://www.twilio.com/docs/errors/${code}`,
  status,
});
const resource = ({ id, name, createdAt }: Key): object => ({
  sid: id,
  friendly_name: name,
  date_created: createdAt.toUTCString(),
  date_updated: createdAt.toUTCString(),
});

export const twilio: Provider = {
  name: 'twilio',
  host: 'api.twilio',
  administrator() {
    const authToken = hex(32);
    return { stored: authToken, presented: basic(ACCOUNT, authToken) };
  },
  presented: authorization,
  presents: (key) => basic(key.id, key.value),
  mint: () => ({ id: `SK${hex(32)}`, value: token(32) }),
  problems: {
    unauthenticated: refusing(401, problem(401, 20_003, 'Authenticate')),
    forbidden: refusing(403, problem(403, 70_051, 'Authorization Error')),
    absent: refusing(404, problem(404, 20_404, 'The requested resource was not found')),
    throttled: throttling(problem(429, 20_429, 'Too Many Requests')),
    unavailable: refusing(503, problem(503, 20_503, 'Service Unavailable')),
  },
  routes: [
    admin('POST', `${BASE}/Keys.json`, ({ form, make }) => {
      const name = textOf(form.get('FriendlyName')) ?? '';
      if (name.length > 64) return refusing(400, problem(400, 20_001, 'FriendlyName is too long'));
      const key = make(name);
      return { status: 201, body: { ...resource(key), secret: key.value } };
    }),
    admin('GET', `${BASE}/Keys.json`, ({ request, keys }) => {
      const size = numberOf(request.query, 'PageSize', 50);
      const page = numberOf(request.query, 'Page', 0);
      const next = `${BASE}/Keys.json?PageSize=${size}&Page=${page + 1}`;
      const more = (page + 1) * size < keys.length;
      const body = {
        keys: pageOf(keys, page, size).map(resource),
        page,
        page_size: size,
        next_page_uri: more ? next : null,
      };
      return { status: 200, body };
    }),
    admin('DELETE', `${BASE}/Keys/:id.json`, ({ params, remove }) =>
      remove(params['id'] ?? '') ? { status: 204 } : twilio.problems.absent,
    ),
    withKey('GET', `${BASE}/IncomingPhoneNumbers.json`, ({ request }) => ({
      status: 200,
      body: {
        incoming_phone_numbers: [],
        first_page_uri: `${BASE}/IncomingPhoneNumbers.json${request.query.toString()}`,
      },
    })),
  ],
};
