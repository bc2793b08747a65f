import { createArmClient, type ArmClientDeps } from '../azure/arm/client.ts';
import { createRestClient } from '../azure/rest.ts';
import type { ConsumerAdapter } from './adapter.ts';
import { aksSecretsStore } from './aks-secrets-store/consumer.ts';
import { apiManagementCertificate } from './api-management-certificate/consumer.ts';
import { apiManagementHost } from './api-management-host/consumer.ts';
import { apiManagementNamedValue } from './api-management-named-value/consumer.ts';
import { appConfiguration } from './app-configuration/consumer.ts';
import { scopeOf } from './app-configuration/store.ts';
import { appServiceCertificate } from './app-service-certificate/consumer.ts';
import { appServiceReference } from './app-service-reference/consumer.ts';
import { applicationGateway } from './application-gateway/consumer.ts';
import { containerAppsCertificate } from './container-apps-certificate/consumer.ts';
import { containerAppsSecret } from './container-apps-secret/consumer.ts';
import { frontDoor } from './front-door/consumer.ts';
import { hubCertificate } from './signalr-certificate/consumer.ts';
import { SIGNALR, WEB_PUBSUB } from './signalr-certificate/rows.ts';
import { reported } from './reported/consumer.ts';
import { vmExtension } from './vm-extension/consumer.ts';

export interface ConsumerDeps extends ArmClientDeps {
  /** Whether a reference that names a version is changed to follow the newest one. */
  readonly rewritePinned: boolean;
  /** Whether Front Door is waited for, or given a new secret. */
  readonly frontDoor: 'follow' | 'push';
  /** Whether API Management is waited for, or updated. */
  readonly apiManagement: 'follow' | 'push';
  /** What an App Service app gets once its references are fetched. */
  readonly restart: 'soft' | 'full' | 'none';
  /** Whether clusters are asked at all, by commands with an administrator's rights, and workloads made anew. */
  readonly aks: 'off' | 'restart';
  /** The key of the setting that is changed so that apps look into App Configuration again. */
  readonly sentinel: string | false;
  /** What follows a store's name in its host: `azconfig.io`. It may hold a port. */
  readonly configurationSuffix: string;
  /** Where hosts serve TLS, for the proof; 443 when absent. */
  readonly tlsPort?: number;
}

/** Every kind of consumer that there is: a new one is one line here. Nothing is reached before one is used. */
export function createConsumers(deps: ConsumerDeps): readonly ConsumerAdapter[] {
  const arm = createArmClient(deps);
  const { clock, rewritePinned, restart, tlsPort, sentinel, configurationSuffix: suffix } = deps;
  const stores = createRestClient({ credential: deps.credential, scope: scopeOf(suffix) });
  const port = tlsPort === undefined ? {} : { port: tlsPort };
  return [
    appConfiguration({ arm, rest: stores, suffix, sentinel, rewritePinned }),
    appServiceCertificate({ arm, clock, ...port }),
    appServiceReference({ arm, restart, rewritePinned }),
    applicationGateway({ arm, clock, rewritePinned }),
    frontDoor({ arm, clock, rewritePinned, frontDoor: deps.frontDoor, ...port }),
    containerAppsCertificate({ arm, clock, rewritePinned, ...port }),
    containerAppsSecret({ arm, rewritePinned }),
    apiManagementHost({ arm, clock, rewritePinned, apiManagement: deps.apiManagement, ...port }),
    apiManagementNamedValue({ arm, rewritePinned }),
    apiManagementCertificate({ arm, rewritePinned }),
    hubCertificate(SIGNALR, { arm, clock, rewritePinned, ...port }),
    hubCertificate(WEB_PUBSUB, { arm, clock, rewritePinned, ...port }),
    vmExtension({ arm, rewritePinned }),
    ...reported({ arm, clock, ...port }),
    ...(deps.aks === 'restart' ? [aksSecretsStore({ arm, credential: deps.credential })] : []),
  ];
}
