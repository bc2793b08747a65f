import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * Which addresses an endpoint named in a setting may have. A name can be made to resolve to anything, so the address is
 * checked when the connection is made, on the very answer that is connected to: a second answer cannot slip in between.
 */

/** https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, and Azure's own platform address. */
const SPECIAL_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // with the metadata service, which gives out the app's tokens
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['168.63.129.16', 32], // Azure's DNS and platform services: inside every virtual network, though it looks public
] as const;

/** https://www.iana.org/assignments/iana-ipv6-special-registry: what is not to be reached within 2000::/3. */
const SPECIAL_V6 = [
  ['2001::', 23], // Teredo, ORCHID and other protocols' own
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4 carries any IPv4 address
  ['3fff::', 20],
] as const;

const special = new BlockList();
for (const [net, prefix] of SPECIAL_V4) special.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of SPECIAL_V6) special.addSubnet(net, prefix, 'ipv6');
/** The only part of IPv6 that is public; everything else is loopback, local, multicast or somebody's translation. */
const globalV6 = new BlockList();
globalV6.addSubnet('2000::', 3, 'ipv6');

/** Is it an address of the public internet? Anything else, and what is no address at all, is not. Pure. */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const family = isIP(bare);
  if (family === 4) return !special.check(bare, 'ipv4');
  if (family === 6) return globalV6.check(bare, 'ipv6') && !special.check(bare, 'ipv6');
  return false;
}

/** What stands in an error's `code` when an address was refused. */
export const ADDRESS_REFUSED = 'KEYTURN_ADDRESS_REFUSED';

/** The address is not one that may be reached; nothing was sent. */
export function addressRefused(host: string, address: string): Error {
  const where = host === address ? `${host} is` : `${host} resolves to ${address}, which is`;
  return Object.assign(new Error(`${where} no public address`), { code: ADDRESS_REFUSED });
}

/**
 * A `lookup` for sockets that gives public addresses only. One answer among several that is not public refuses the name: no
 * provider mixes them, and somebody who attacks does.
 */
export const publicLookup: LookupFunction = (host, options, callback) => {
  const all: LookupOptions & { readonly all: true } = { ...options, all: true };
  resolve(host, all, (error, addresses: LookupAddress[]) => {
    if (error !== null) {
      callback(error, '');
      return;
    }
    const [first] = addresses;
    const refused = addresses.find(({ address }) => !isPublicAddress(address));
    if (refused !== undefined || first === undefined) {
      callback(addressRefused(host, refused?.address ?? 'nothing'), '');
    } else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
