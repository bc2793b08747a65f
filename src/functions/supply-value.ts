import { caller, endpoint, jsonBody } from './http.ts';

/** The value that a person has made: 202, and the run goes on. */
endpoint('supplyValue', {
  method: 'PUT',
  route: 'rotations/{id}/value',
  answer: async (runbook, request) =>
    runbook.supply(request.params['id'] ?? '', await jsonBody(request), caller(request)),
});
