// ipam.ts: arithmetic on IPv4 subnets, and which address comes next

/** What a network has of addresses; `range` is the part of the subnet that is handed out. */
export interface Ipv4Pool {
  readonly subnet: string;
  readonly gateway: string;
  readonly range?: string;
}

/** First and last address, both included, as numbers. */
export interface Subnet {
  readonly first: number;
  readonly last: number;
  readonly prefixLength: number;
}

/** The number of a dotted address; null when it is none. Leading zeros are refused: some read them as octal. */
export function parseAddress(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return value;
}

/** `172.17.0.2` of its number. */
export const formatAddress = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** `172.17.0.0/16`, or any address in it with its prefix length; null when it is no IPv4 subnet. */
export function parseSubnet(text: string): Subnet | null {
  const found = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const address = found ? parseAddress(found[1]!) : null;
  const prefixLength = Number(found?.[2]);
  if (address === null || prefixLength > 32) return null;
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, prefixLength };
}

/** `172.17.0.0/16`, with the bits of the host cleared. */
export const formatSubnet = (subnet: Subnet): string => `${formatAddress(subnet.first)}/${subnet.prefixLength}`;

/** The address, or the whole of the other subnet, is in the subnet. False when either cannot be read. */
export function contains(subnet: string, other: string): boolean {
  const outer = parseSubnet(subnet);
  const inner = parseSubnet(other.includes('/') ? other : `${other}/32`);
  return outer !== null && inner !== null && outer.first <= inner.first && inner.last <= outer.last;
}

/** The two have an address in common. False when either cannot be read. */
export function overlaps(one: string, other: string): boolean {
  const a = parseSubnet(one);
  const b = parseSubnet(other);
  return a !== null && b !== null && a.first <= b.last && b.first <= a.last;
}

/** The gateway Docker chooses where none is asked for: the first address. Null: no room for one. */
export function firstAddress(subnet: string): string | null {
  const parsed = parseSubnet(subnet);
  if (!parsed || parsed.prefixLength > 30) return null;
  return formatAddress(parsed.first + 1);
}

/**
 * The lowest free address, or with `after` the first free one behind it, round and round as Docker does, so that
 * an address just let go is not at once another container's. Null: none is free.
 */
export function nextAddress(ipv4: Ipv4Pool, taken: ReadonlySet<string>, after: string | null = null): string | null {
  const subnet = parseSubnet(ipv4.subnet);
  const range = parseSubnet(ipv4.range ?? ipv4.subnet);
  if (!subnet || !range) return null;
  // A /31 and a /32 have no network and broadcast address (RFC 3021).
  const edge = subnet.prefixLength < 31 ? 1 : 0;
  const first = Math.max(range.first, subnet.first + edge);
  const last = Math.min(range.last, subnet.last - edge);
  const count = last - first + 1;
  const previous = after === null ? null : parseAddress(after);
  const start = previous === null || previous < first || previous >= last ? first : previous + 1;
  for (let step = 0; step < count; step += 1) {
    const address = formatAddress(first + ((start - first + step) % count));
    if (address !== ipv4.gateway && !taken.has(address)) return address;
  }
  return null;
}

/** `02:42:ac:11:00:02`: Docker's way to make a MAC of an address, so that it is unique wherever the address is. */
export function macFor(address: string): string {
  const value = parseAddress(address);
  if (value === null) throw new Error(`not an IPv4 address: ${address}`);
  const bytes = [0x02, 0x42, ...[24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
