/** `node --import ./sandbox/dns-preload.ts app.js`: the sandbox's names resolve in that process. */
import { installSandboxDns } from './dns.ts';

installSandboxDns();
