/** `node --import ./sandbox/dns-preload.ts app.js`: the sandbox's names resolve in that process, and port 443 of them is the TLS front. */
import { installSandboxDns } from './dns.ts';
import { leadPort443To, TLS_PORT_VARIABLE } from './port-443.ts';

installSandboxDns();
const tlsPort = process.env[TLS_PORT_VARIABLE];
if (tlsPort !== undefined) leadPort443To(Number(tlsPort));
