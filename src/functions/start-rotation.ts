import { caller, endpoint, jsonBody } from './http.ts';

/** 202 with Location, or 200 with the plan for a dry run. */
endpoint('startRotation', {
  method: 'POST',
  route: 'rotations',
  answer: async (runbook, request) => runbook.start(await jsonBody(request), caller(request)),
});
