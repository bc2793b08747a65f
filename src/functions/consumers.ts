import { endpoint, query } from './http.ts';

/** Who uses an object, and where each stands with its newest version. */
endpoint('consumers', {
  method: 'GET',
  route: 'consumers',
  answer: (runbook, request) => runbook.consumers(query(request)),
});
