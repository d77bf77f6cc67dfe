// listener-address.ts: where the API is served, as -H says it
import { UsageError } from './flag-syntax.ts';

export type ListenerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Sockets that systemd opened for us. */
  | { readonly kind: 'fd' };

/** Docker's port without TLS. */
const plainPort = 2375;
const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

export function listenerOf(host: string): ListenerAddress {
  const [scheme, rest = ''] = host.split('://');
  if (scheme === 'fd') return { kind: 'fd' };
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) throw new UsageError(`${host}: the path of a unix socket must be absolute`);
    // Linux: sockaddr_un holds 108 bytes, the last one zero.
    if (Buffer.byteLength(rest) > 107) throw new UsageError(`${host}: the path of a unix socket may have at most 107 bytes`);
    return { kind: 'unix', path: rest };
  }
  const found = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/]*)(?::(\d{1,5}))?\/?$/.exec(rest);
  const port = Number(found?.[2] ?? plainPort);
  if (!found || port > 65535) throw new UsageError(`Invalid bind address format: ${host}`);
  const name = (found[1] ?? '').replace(/^\[|\]$/g, '') || 'localhost';
  if (!isLoopback(name)) {
    throw new UsageError(`${host}: without TLS, which is not supported yet, the API is served on loopback addresses only`);
  }
  return { kind: 'tcp', host: name, port };
}

export const addressText = (address: ListenerAddress): string =>
  address.kind === 'unix' ? `unix://${address.path}` : address.kind === 'fd' ? 'fd://' : `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
