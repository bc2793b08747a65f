import { endpoint, query } from './http.ts';

endpoint('inventory', {
  method: 'GET',
  route: 'inventory',
  answer: (runbook, request) => runbook.inventory(query(request)),
});
