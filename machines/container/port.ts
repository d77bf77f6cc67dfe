// port.ts: ports as requests write them: `80/tcp`, `8080`, `8000-8010`
import type { PortMap } from '../../events/spec.ts';

const highest = 65535;
const number = (text: string): number | null => (/^\d{1,5}$/.test(text) && Number(text) <= highest ? Number(text) : null);

/** `80/tcp`, `80`: tcp where nothing is said; null when it is no port. */
export function parsePort(text: string): { port: number; protocol: string } | null {
  const [digits = '', protocol = ''] = text.split('/');
  const port = number(digits);
  return port === null ? null : { port, protocol: protocol || 'tcp' };
}

/** `8080` or `8000-8010`; null when it is neither. */
export function parseRange(text: string): { first: number; last: number } | null {
  const [from = '', to = from] = text.split('-');
  const [first, last] = [number(from), number(to)];
  return first === null || last === null || last < first ? null : { first, last };
}

const protocols: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp']);

/** moby: daemon/container.go validatePortBindings */
export function complaintAboutPorts(bindings: PortMap): string | null {
  for (const [port, hosts] of Object.entries(bindings)) {
    const [digits = '', protocol = ''] = port.split('/');
    const parsed = parsePort(port);
    if (!parsed) return `invalid port specification: "${digits}"`;
    if (!protocols.has(protocol.toLowerCase() || 'tcp')) return `invalid proto: ${protocol}`;
    for (const { HostPort } of hosts ?? []) {
      const asked = HostPort.split('/')[0]!;
      if (asked !== '' && !parseRange(asked)) return `invalid port specification: "${HostPort}"`;
    }
  }
  return null;
}

export function complaintAboutExposed(ports: Readonly<Record<string, unknown>>): string | null {
  const bad = Object.keys(ports).find((port) => !parseRange(port.split('/')[0]!) || !protocols.has((port.split('/')[1] ?? 'tcp').toLowerCase()));
  return bad === undefined ? null : `invalid port specification: "${bad}"`;
}
