/** Container Apps: environments, their certificates, apps and jobs (consumer facts 6). */
import type { Service } from '../../service.ts';
import { containerApps, jobs } from './apps.ts';
import { certificates, environments } from './environments.ts';

export const APP_SERVICES: readonly Service[] = [environments, certificates, containerApps, jobs];
