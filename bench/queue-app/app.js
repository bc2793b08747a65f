// A bare app with one queue trigger: in the sandbox the host's own storage client runs in the process that is measured.
import { app } from '@azure/functions';

app.storageQueue('bare', { queueName: 'bare', connection: 'KeyturnStorage', handler: () => undefined });
