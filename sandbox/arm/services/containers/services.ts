/** Run commands of AKS (consumer facts 8; rest-aks, Managed Clusters - Run Command, - Get Command Result). */
import { Buffer } from 'node:buffer';
import { badRequest, said, type Asked, type Operation, type Service } from '../../service.ts';
import { noKey } from '../bodies.ts';
import { clusterOf } from './cluster.ts';
import { run } from './kubectl.ts';

const CLUSTERS = 'Microsoft.ContainerService/managedClusters';
/** The application that the token of a command is for, where a cluster logs in by Entra. */
const AKS_SERVER = '6dae42f8-4368-4678-94ff-3960e28e3630';
/** "The output for command invoke is limited to 512kB in size" (docs: access-private-cluster). */
const MOST_OUTPUT = 512 * 1024;

function shown({ resource }: Asked): ReturnType<Operation['begin']> {
  const { isEntra, isStopped, disableRunCommand } = clusterOf(resource);
  const properties = {
    provisioningState: 'Succeeded',
    powerState: { code: isStopped ? 'Stopped' : 'Running' },
    apiServerAccessProfile: { disableRunCommand },
    ...(isEntra ? { aadProfile: { managed: true, enableAzureRBAC: true } } : {}),
  };
  return () => ({ status: 200, body: { id: resource.id, location: 'westeurope', properties } });
}

function runCommand({ resource, request, vault }: Asked): ReturnType<Operation['begin']> {
  const cluster = clusterOf(resource);
  const command = said(request, 'command');
  if (command === undefined) throw badRequest('The command is missing.');
  if (cluster.isStopped) throw badRequest('The cluster is not running.', 'OperationNotAllowed');
  if (cluster.disableRunCommand) throw badRequest('Run command is disabled.', 'RunCommandDisabled');
  if (cluster.isEntra && !isForCluster(said(request, 'clusterToken')))
    throw badRequest('The cluster token is missing or is not valid.', 'ClusterTokenRequired');
  return () => {
    cluster.commands.push(command);
    const { exitCode, logs } = run(cluster, command, vault);
    const properties = { provisioningState: 'Succeeded', exitCode, logs: logs.slice(0, MOST_OUTPUT) };
    return { status: 200, body: { id: 'a887ecf432ad4e22a517cf4b5fb4e194', properties } };
  };
}

function isForCluster(token: string | undefined): boolean {
  const claims = Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString();
  return claims.includes(AKS_SERVER);
}

export const CONTAINER_SERVICES: readonly Service[] = [
  {
    address: `${CLUSTERS}/{name}`,
    slots: [],
    mint: noKey,
    graph: () => ({ location: 'westeurope', properties: { provisioningState: 'Succeeded' } }),
    operations: [
      { method: 'GET', path: /^$/, action: `${CLUSTERS}/read`, begin: shown },
      {
        method: 'POST',
        path: /^\/runCommand$/i,
        action: `${CLUSTERS}/runcommand/action`,
        begin: runCommand,
        later: { style: 'location', status: 202 },
      },
    ],
  },
];
