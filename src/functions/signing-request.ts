import { endpoint } from './http.ts';

/** The request of a certificate whose issuer is Unknown, in PEM. */
endpoint('signingRequest', {
  method: 'GET',
  route: 'rotations/{id}/csr',
  answer: (runbook, request) => runbook.signingRequest(request.params['id'] ?? ''),
});
