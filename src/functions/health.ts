import { endpoint } from './http.ts';

endpoint('health', { method: 'GET', route: 'health', answer: (runbook) => runbook.health() });
