import { createHmac } from 'node:crypto';
import type { DataPlane, Question } from '../row.ts';
import { showResource } from '../shapes.ts';
import { answeredElse, askService, keysOff, rejectedKey } from './ask.ts';

/**
 * Reads the account (`GET /`), signed with the key as a master key token; every SDK begins with this call, with a read-only
 * key too. learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources. Accounts of the other APIs (MongoDB,
 * Cassandra, Gremlin, Table) have this endpoint beside their own [U].
 */
export const COSMOS_PLANE: DataPlane = {
  suffix: 'documents.azure.com',
  host: ({ name }, suffix) => `${name}.${suffix}`,
  async prove(question) {
    const who = `the Cosmos DB account ${question.config.name}`;
    const answer = await askService({ who, path: '/', headers: signed(question) }, question);
    if (answer.status === 200) return 'proved';
    // `disableLocalAuth`: the text is the service's own, its sub-status is not in the body [U].
    if (answer.status === 401 && /local authorization is disabled/i.test(answer.text)) {
      const command = `az resource update --ids "${question.config.path}" --set properties.disableLocalAuth=false`;
      throw keysOff(who, `Stop rotating this secret, or run: ${command}`, question);
    }
    if (answer.status === 401) throw rejectedKey(who, '401', question);
    throw answeredElse(who, answer, showResource(question.config), question);
  },
};

/** Verb, type and link of the resource (both empty for the account), date, and an empty line, all in lower case. */
function signed({ issued, call }: Question): Record<string, string> {
  const date = call.now().toUTCString();
  const key = Buffer.from(issued.value.reveal(), 'base64');
  const signature = createHmac('sha256', key).update(`get\n\n\n${date.toLowerCase()}\n\n`).digest('base64');
  return {
    accept: 'application/json',
    authorization: encodeURIComponent(`type=master&ver=1.0&sig=${signature}`),
    'x-ms-date': date,
    'x-ms-version': '2018-12-31',
  };
}
