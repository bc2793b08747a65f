import { createHmac } from 'node:crypto';
import type { DataPlane, Question } from '../row.ts';
import { showResource } from '../shapes.ts';
import { answeredElse, askService, rejectedKey } from './ask.ts';

/** Service Bus, Event Hubs, Relay and Notification Hubs share one gateway and one kind of token. */
const SUFFIX = 'servicebus.windows.net';
const TOKEN_SECONDS = 300;

/**
 * Reads the description of the entity, or of the namespace, with a token signed by the key:
 * learn.microsoft.com/azure/service-bus-messaging/service-bus-sas. The gateway names a wrong signature in its 401
 * ("Invalid authorization token signature", "The token has an invalid signature"). Reading needs the right Manage: a rule
 * with Send or Listen alone gets a 401 that does not tell the right from the key, so that, and a 404, prove nothing.
 */
export function sasPlane(service: string): DataPlane {
  return {
    suffix: SUFFIX,
    host: ({ name }, suffix) => `${name}.${suffix}`,
    async prove(question) {
      const { names, name } = question.config;
      const who = `the ${service} namespace ${name}`;
      const path = `/${names['entity'] === undefined ? '$namespaceinfo' : encodeURIComponent(names['entity'])}`;
      const headers = { authorization: tokenFor(question, names['entity'] ?? ''), accept: 'application/atom+xml' };
      const answer = await askService({ who, path: `${path}?api-version=2017-04`, headers }, question);
      if (answer.status >= 200 && answer.status <= 299) return 'proved';
      if (answer.status === 401 && /signature/i.test(answer.text)) throw rejectedKey(who, '401', question);
      if (answer.status === 401 || answer.status === 404) return 'unclear';
      throw answeredElse(who, answer, showResource(question.config), question);
    },
  };
}

/** The key is used as the text it is, not decoded from base64. */
function tokenFor({ host, config, issued, call }: Question, entity: string): string {
  const resource = encodeURIComponent(`https://${host.replace(/:\d+$/, '')}/${entity}`.toLowerCase());
  const expiry = Math.floor(call.now().getTime() / 1000) + TOKEN_SECONDS;
  const key = issued.value.reveal();
  const signature = createHmac('sha256', key).update(`${resource}\n${expiry}`).digest('base64');
  const rule = encodeURIComponent(config.names['rule'] ?? '');
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${rule}`;
}
