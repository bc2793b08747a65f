/** App Service. Sites themselves are in ../functions.ts, which have keys besides. */
import type { Service } from '../../service.ts';
import { certificates } from './certificates.ts';
import { plans, slots } from './sites.ts';

export const WEB_SERVICES: readonly Service[] = [certificates, slots, plans];
