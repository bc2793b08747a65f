import type { Access } from '../../azure/access.ts';
import { readsTheVault } from '../needs.ts';

export const KIND = 'aks-secrets-store';
/** No built-in role but Contributor has all three actions: this one is made by the command in README.md. */
export const ROLE = 'Keyturn AKS Commands';

const TYPE = 'Microsoft.ContainerService/managedClusters';
export const ACTIONS = {
  read: `${TYPE}/read`,
  run: `${TYPE}/runcommand/action`,
  result: `${TYPE}/commandResults/read`,
} as const;

export const ACCESS: Access = {
  of: KIND,
  needs: [
    {
      at: 'the cluster',
      to: 'runs commands in it: who may, is its administrator, where the cluster does not log in by Entra',
      actions: Object.values(ACTIONS),
      options: ['restartAks'],
    },
    {
      at: 'the cluster, inside',
      to: 'sees what pods mount, and has workloads make new pods, where the cluster logs in by Entra',
      right: 'a ClusterRole',
      command:
        'kubectl apply -f <the ClusterRole keyturn of src/consumers/aks-secrets-store/README.md>\n' +
        'kubectl create clusterrolebinding keyturn --clusterrole keyturn --user <object id of the app>',
      language: 'sh',
      options: ['restartAks'],
    },
    readsTheVault('the provider in the cluster'),
  ],
};
