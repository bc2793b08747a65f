import { caller, endpoint, jsonBody } from './http.ts';

/** Looks for the consumers of an object anew and tells them once more: 202 with Location, or 200 and who there is for a dry run; 200, too, for whoever a person vouches for. */
endpoint('pushVersion', {
  method: 'POST',
  route: 'propagations',
  answer: async (runbook, request) => runbook.push(await jsonBody(request), caller(request)),
});
