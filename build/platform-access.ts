import type { Access } from '../src/azure/access.ts';

const ASSIGN = '--assignee-object-id <object id of the identity> --assignee-principal-type ServicePrincipal';

/** What the platform around the app needs: declared here, since no code of the app does it. */
export const PLATFORM_ACCESS: readonly Access[] = [
  {
    of: 'Functions host',
    needs: [
      {
        at: 'the storage account of AzureWebJobsStorage',
        to: 'locks, function keys and the package',
        role: 'Storage Blob Data Owner',
      },
      {
        at: 'the storage account of AzureWebJobsStorage',
        to: 'triggers, with their poison queues',
        role: 'Storage Queue Data Contributor',
      },
      {
        at: 'the storage account of AzureWebJobsStorage',
        to: "the host's own diagnostics",
        role: 'Storage Table Data Contributor',
      },
      {
        at: 'the Application Insights component',
        to: 'sends telemetry without a key',
        role: 'Monitoring Metrics Publisher',
      },
    ],
  },
  {
    of: 'Event Grid',
    needs: [
      {
        who: 'the system topic of each vault (its system-assigned identity)',
        ...{
          at: 'the queue vault-events',
          to: "delivers the vault's events",
          role: 'Storage Queue Data Message Sender',
        },
      },
      {
        who: 'the system topic of each vault (its system-assigned identity)',
        ...{
          at: 'the container of dead letters',
          to: 'keeps what could not be delivered',
          role: 'Storage Blob Data Contributor',
        },
      },
    ],
  },
  {
    of: 'whoever deploys',
    needs: [
      {
        who: 'the deployer',
        at: 'each subscription with a vault, a system or consumers',
        to: 'makes role definitions and assigns roles; Role Based Access Control Administrator is not enough, it may make no definitions',
        right: 'User Access Administrator',
        command: `az role assignment create ${ASSIGN} \\\n  --role "User Access Administrator" --scope /subscriptions/<subscription>`,
        language: 'sh',
      },
      {
        who: 'the deployer',
        at: 'the resource group of each vault',
        to: "makes the vault's system topic and its subscription",
        right: 'EventGrid Contributor',
        command: `az role assignment create ${ASSIGN} \\\n  --role "EventGrid Contributor" --scope <id of the resource group>`,
        language: 'sh',
      },
    ],
  },
];
