import type { Access } from '../azure/access.ts';
import { ACCESS as aksSecretsStore } from './aks-secrets-store/access.ts';
import { ACCESS as apiManagementCertificate } from './api-management-certificate/consumer.ts';
import { ACCESS as apiManagementHost } from './api-management-host/consumer.ts';
import { ACCESS as apiManagementNamedValue } from './api-management-named-value/consumer.ts';
import { ACCESS as appConfiguration } from './app-configuration/access.ts';
import { ACCESS as appServiceCertificate } from './app-service-certificate/access.ts';
import { ACCESS as appServiceReference } from './app-service-reference/access.ts';
import { ACCESS as applicationGateway } from './application-gateway/access.ts';
import { ACCESS as containerAppsCertificate } from './container-apps-certificate/access.ts';
import { ACCESS as containerAppsSecret } from './container-apps-secret/access.ts';
import { ACCESS as frontDoor } from './front-door/access.ts';
import { ASK } from './graph.ts';
import { ACCESS as reported } from './reported/access.ts';
import { accessOf } from './signalr-certificate/access.ts';
import { SIGNALR, WEB_PUBSUB } from './signalr-certificate/rows.ts';
import { ACCESS as vmExtension } from './vm-extension/access.ts';

/** What finding consumers needs, whatever their kind. */
export const DISCOVERY_ACCESS: Access = {
  of: 'discovery',
  needs: [
    {
      at: 'each subscription of KEYTURN_SUBSCRIPTIONS',
      to: `asks Resource Graph (${ASK.action}), which leaves out whatever may not be read, and lists what each resource refers to`,
      role: ASK.role,
    },
  ],
};

/** Every kind of consumer, in the order of the registry. */
export const CONSUMER_ACCESS: readonly Access[] = [
  appConfiguration,
  appServiceCertificate,
  appServiceReference,
  applicationGateway,
  frontDoor,
  containerAppsCertificate,
  containerAppsSecret,
  apiManagementHost,
  apiManagementNamedValue,
  apiManagementCertificate,
  accessOf(SIGNALR),
  accessOf(WEB_PUBSUB),
  vmExtension,
  ...reported,
  aksSecretsStore,
];
