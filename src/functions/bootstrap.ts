import { caller, endpoint, jsonBody } from './http.ts';

/** Creates what a managed secret's pair of accounts lacks; asked for by a person, never by an event. */
endpoint('bootstrap', {
  method: 'POST',
  route: 'bootstrap',
  answer: async (runbook, request) => runbook.bootstrap(await jsonBody(request), caller(request)),
});
