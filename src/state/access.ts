import type { Access } from '../azure/access.ts';

export const ROLES = {
  table: 'Storage Table Data Contributor',
  queue: 'Storage Queue Data Contributor',
  topic: 'EventGrid Data Sender',
} as const;

export const STATE_ACCESS: Access = {
  of: 'state',
  needs: [
    { at: 'the storage account of KeyturnStorage', to: 'journal and ledger; makes the table', role: ROLES.table },
    {
      at: 'the storage account of KeyturnStorage',
      to: 'queues of work and their poison queues; makes them',
      role: ROLES.queue,
    },
    { at: 'the topic of KEYTURN_TOPIC_ENDPOINT', to: 'announces outcomes', role: ROLES.topic },
  ],
};
