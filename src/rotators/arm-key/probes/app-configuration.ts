import { createHash, createHmac } from 'node:crypto';
import type { DataPlane, Question } from '../row.ts';
import { itemsIn, showResource, textIn } from '../shapes.ts';
import { answeredElse, askService, keysOff, rejectedKey } from './ask.ts';

const PATH = '/keys?api-version=1.0&name=keyturn-key-probe';
const SIGNED_HEADERS = 'x-ms-date;host;x-ms-content-sha256';

/**
 * Asks for the names of keys, signed: learn.microsoft.com/azure/azure-app-configuration/rest-api-authentication-hmac. The
 * signature goes with the id of the key; where the value does not hold it, ARM is asked.
 */
export const APP_CONFIGURATION_PLANE: DataPlane = {
  suffix: 'azconfig.io',
  host: ({ name }, suffix) => `${name}.${suffix}`,
  async prove(question) {
    const { config, issued } = question;
    const who = `the App Configuration store ${config.name}`;
    const id = issued.user ?? (await idOf(question));
    if (id === undefined) return 'unclear';
    const answer = await askService({ who, path: PATH, headers: signed(question, id) }, question);
    if (answer.status === 200) return 'proved';
    if (answer.status === 401) throw rejectedKey(who, '401', question);
    // `disableLocalAuth`: a 403 with this in it [U]; every other 403 is the network's.
    if (answer.status === 403 && /local auth|access key/i.test(answer.text)) {
      const command = `az appconfig update --name ${config.name} --resource-group '${config.resourceGroup}' --disable-local-auth false`;
      throw keysOff(who, `Stop rotating this secret, or run: ${command}`, question);
    }
    throw answeredElse(who, answer, showResource(config), question);
  },
};

async function idOf({ issued, listed }: Question): Promise<string | undefined> {
  const item = itemsIn(await listed(), 'value').find((one) => textIn(one, 'name') === issued.slot);
  return textIn(item, 'id');
}

function signed({ host, issued, call }: Question, id: string): Record<string, string> {
  const date = call.now().toUTCString();
  const hash = createHash('sha256').update('').digest('base64');
  const key = Buffer.from(issued.value.reveal(), 'base64');
  const signature = createHmac('sha256', key).update(`GET\n${PATH}\n${date};${host};${hash}`).digest('base64');
  return {
    'x-ms-date': date,
    'x-ms-content-sha256': hash,
    authorization: `HMAC-SHA256 Credential=${id}&SignedHeaders=${SIGNED_HEADERS}&Signature=${signature}`,
  };
}
