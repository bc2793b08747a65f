import type { Service } from '../../service.ts';

export const CDN_SERVICES: readonly Service[] = [];
