/**
 * `node --import ./sandbox/dns-preload.ts app.js`: the sandbox's names resolve in that process. Where the sandbox has a TLS front, port 443 of
 * them is that, and TLS goes by the process's own clock.
 */
import { installSandboxDns } from './dns.ts';
import { leadPort443To, TLS_PORT_VARIABLE } from './port-443.ts';
import { judgeDatesByOwnClock } from './tls-dates.ts';

installSandboxDns();
const tlsPort = process.env[TLS_PORT_VARIABLE];
if (tlsPort !== undefined) {
  leadPort443To(Number(tlsPort));
  judgeDatesByOwnClock();
}
