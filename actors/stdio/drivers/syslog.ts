// syslog.ts: lines to a syslog server (moby: daemon/logger/syslog; RFC 3164, RFC 5424)
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { pid } from 'node:process';
import type { RemoteSettings } from '../frames.ts';
import type { Line } from '../line-cutter.ts';
import { type LogAddress, syslogAddress, syslogFacility, type SyslogFormat, syslogFormat } from '../log-addresses.ts';
import { datagramOutlet } from './datagram.ts';
import { dialPlain, type Outlet, type OutletSettings, streamOutlet } from './outlet.ts';
import type { Driver } from './remote.ts';
import { unixDatagramOutlet } from './unix-datagram.ts';

const severity = { stdout: 6, stderr: 3 } as const;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number, filler = '0'): string => String(value).padStart(2, filler);
const clock = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

/** `Nov  5 10:00:00`, in the machine's time zone. */
const stamp = (date: Date): string => `${months[date.getMonth()]} ${two(date.getDate(), ' ')} ${clock(date)}`;

/** `2026-11-05T10:00:00.123456+01:00`. */
function rfc3339Local(date: Date, micros: string): string {
  const offset = -date.getTimezoneOffset();
  const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${clock(date)}${micros}${zone}`;
}

type Header = (date: Date, micros: string, hostname: string, tag: string) => string;
const headers: Readonly<Record<SyslogFormat, Header>> = {
  '': (date, _, _hostname, tag) => `${stamp(date)} ${tag}[${pid}]: `,
  rfc3164: (date, _, hostname, tag) => `${stamp(date)} ${hostname} ${tag}[${pid}]: `,
  rfc5424: (date, _, hostname, tag) => `1 ${rfc3339Local(date, '')} ${hostname} ${tag} ${pid} ${tag} - `,
  rfc5424micro: (date, micros, hostname, tag) => `1 ${rfc3339Local(date, `.${micros}`)} ${hostname} ${tag} ${pid} ${tag} - `,
};

export const syslog: Driver = async (settings, outlet) => {
  const { options, tag, container } = settings;
  const address = syslogAddress(options);
  const header = headers[syslogFormat(options)];
  const facility = syslogFacility(options) * 8;
  // RFC 5425: over TLS each message has its length before it.
  const counted = address?.scheme === 'tcp+tls' && syslogFormat(options).startsWith('rfc5424');
  const encode = (line: Line): Buffer => {
    const micros = String(Math.floor(line.nanos / 1000)).padStart(6, '0');
    const before = `<${facility + severity[line.source]}>${header(new Date(line.seconds * 1000), micros, container.hostname, tag)}`;
    const message = Buffer.concat([Buffer.from(before), line.bytes.subarray(line.start, line.end), Buffer.from('\n')]);
    return counted ? Buffer.concat([Buffer.from(`${message.length} `), message]) : message;
  };
  return { encode, outlet: await open(address, settings, outlet) };
};

function open(address: LogAddress | null, { options }: RemoteSettings, outlet: OutletSettings): Outlet | Promise<Outlet> {
  if (!address) return unixDatagramOutlet('/dev/log', outlet);
  if (address.scheme === 'unixgram') return unixDatagramOutlet(address.path, outlet);
  if (address.scheme === 'udp') return datagramOutlet(address);
  if (address.scheme === 'tcp+tls') return overTls(address, options, outlet);
  return streamOutlet(dialPlain(address), true, outlet).catch((error: Error) => {
    // What is named unix:// is a datagram socket on most machines (`/dev/log`).
    if (address.scheme === 'unix') return unixDatagramOutlet(address.path, outlet);
    throw error;
  });
}

async function overTls(address: LogAddress, options: RemoteSettings['options'], outlet: OutletSettings): Promise<Outlet> {
  const { connect } = await import('node:tls');
  const file = (option: string): Buffer | undefined => (options[option] ? readFileSync(options[option]) : undefined);
  const secure = {
    host: address.host,
    port: address.port,
    servername: address.host,
    ca: file('syslog-tls-ca-cert'),
    cert: file('syslog-tls-cert'),
    key: file('syslog-tls-key'),
    rejectUnauthorized: options['syslog-tls-skip-verify'] === undefined,
  };
  return streamOutlet((): Socket => connect(secure), true, outlet);
}
