import { caller, endpoint, jsonBody } from './http.ts';

/** The signed certificate with its issuers: 202, and the run goes on. */
endpoint('takeSigned', {
  method: 'PUT',
  route: 'rotations/{id}/certificate',
  answer: async (runbook, request) =>
    runbook.takeSigned(request.params['id'] ?? '', await jsonBody(request), caller(request)),
});
