import { endpoint, query } from './http.ts';

endpoint('listRotations', {
  method: 'GET',
  route: 'rotations',
  answer: (runbook, request) => runbook.list(query(request)),
});
