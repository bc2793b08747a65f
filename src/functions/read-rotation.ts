import { endpoint } from './http.ts';

endpoint('readRotation', {
  method: 'GET',
  route: 'rotations/{id}',
  answer: (runbook, request) => runbook.read(request.params['id'] ?? ''),
});
