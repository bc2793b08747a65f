import { caller, endpoint } from './http.ts';

endpoint('cancelRotation', {
  method: 'DELETE',
  route: 'rotations/{id}',
  answer: (runbook, request) => runbook.cancel(request.params['id'] ?? '', caller(request)),
});
