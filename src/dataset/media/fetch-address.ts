import { lookup as resolveName } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * True for an address of the public internet. Everything else is refused: private, loopback, link-local (where clouds
 * keep their metadata, 169.254.169.254), multicast, reserved, and the ranges of IPv6 that carry an IPv4 address inside
 * (mapped, 6to4, Teredo, NAT64), unless they are IPv4-mapped and that address is public. Of IPv6 only 2000::/3 is given
 * out.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || (parsed.toByteArray()[0]! & 0xe0) === 0x20;
}

/** Refused before a connection is made: the host is, or its name leads to, an address that isn't public. */
export class AddressRefused extends Error {}

/**
 * A look-up for `node:http` that resolves a name once and hands the connection the addresses that were checked, so that
 * a name that answers differently the second time (DNS rebinding) gains nothing. One address that isn't public refuses
 * the name.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolveName(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0);
    const bad = addresses.find(({ address }) => !isPublicAddress(address));
    if (bad !== undefined || addresses.length === 0) {
      return callback(new AddressRefused(refusal(hostname, bad?.address ?? 'no address')), '', 0);
    }
    if (options.all === true) return (callback as (...results: unknown[]) => void)(null, addresses);
    callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};

/** Throws {@link AddressRefused} for a host written as an address, which is never looked up. */
export function checkLiteral(hostname: string): void {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new AddressRefused(refusal(hostname, host));
  // Refused by name: resolvers differ in whether they know it with a dot behind (RFC 6761).
  if (/(^|\.)localhost\.?$/i.test(host)) throw new AddressRefused(`${hostname} is this machine`);
}

function refusal(hostname: string, address: string): string {
  return hostname === address
    ? `${address} is not a public address`
    : `${hostname} leads to ${address}, which is not a public address`;
}
