import type { DataPlane } from '../row.ts';
import { showResource } from '../shapes.ts';
import { answeredElse, askService, keysOff, rejectedKey } from './ask.ts';

/** Reads the service's statistics, which takes an admin key: learn.microsoft.com/rest/api/searchservice/get-service-statistics. */
export const SEARCH_PLANE: DataPlane = {
  suffix: 'search.windows.net',
  sendsKey: true,
  host: ({ name }, suffix) => `${name}.${suffix}`,
  async prove(question) {
    const { config, issued } = question;
    const who = `the search service ${config.name}`;
    const headers = { 'api-key': issued.value.reveal(), accept: 'application/json' };
    const answer = await askService({ who, path: '/servicestats?api-version=2023-11-01', headers }, question);
    if (answer.status === 200) return 'proved';
    // Where keys are switched off the service answers the same 403 as for a wrong one, with this text [U].
    if (answer.status === 403 && /disabled/i.test(answer.text)) {
      const command = `az search service update --name ${config.name} --resource-group '${config.resourceGroup}' --disable-local-auth false`;
      throw keysOff(who, `Stop rotating this secret, or run: ${command}`, question);
    }
    // A wrong key is a 403, and so is a network that is not let in; which text tells them apart is not documented [?].
    if (answer.status === 401 || (answer.status === 403 && !/network|firewall|ip address/i.test(answer.text))) {
      throw rejectedKey(who, String(answer.status), question);
    }
    throw answeredElse(who, answer, showResource(config), question);
  },
};
