import type { DataPlane } from '../row.ts';
import { showResource } from '../shapes.ts';
import { answeredElse, askService, rejectedKey } from './ask.ts';

/**
 * Asks whether the registry speaks API v2, as its admin: github.com/distribution/distribution/blob/main/docs/content/spec/api.md.
 * The admin's name is the registry's. A registry whose login server has a hash in its name (domain name label scope) cannot
 * be found by its resource id, and is not supported.
 */
export const REGISTRY_PLANE: DataPlane = {
  suffix: 'azurecr.io',
  sendsKey: true,
  host: ({ name }, suffix) => `${name}.${suffix}`,
  async prove(question) {
    const { config, issued } = question;
    const who = `the container registry ${config.name}`;
    const pair = Buffer.from(`${config.name}:${issued.value.reveal()}`).toString('base64');
    const answer = await askService({ who, path: '/v2/', headers: { authorization: `Basic ${pair}` } }, question);
    if (answer.status === 200) return 'proved';
    if (answer.status === 401) throw rejectedKey(who, '401', question);
    throw answeredElse(who, answer, showResource(config), question);
  },
};
