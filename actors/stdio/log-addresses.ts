// log-addresses.ts: where the remote log drivers send lines, as their options name it
import { existsSync } from 'node:fs';
import { duration, integer, size, truth } from './size.ts';

type Options = Readonly<Record<string, string>>;

/** `port` is 0 and `path` set for a unix socket. */
export interface LogAddress {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Splits `tcp://host:port`; null when it does not begin with a scheme that Docker knows. */
function split(address: string): { scheme: string; host: string; port: number | null; path: string } | null {
  const found = /^(tcp\+tls|tcp|udp|unixgram|unix):\/\/(.*)$/.exec(address);
  if (!found) return null;
  const [, scheme = '', rest = ''] = found;
  if (scheme.startsWith('unix')) return { scheme, host: '', port: null, path: rest };
  return { scheme, ...hostAndPort(rest.replace(/\/.*$/, '')), path: '' };
}

function hostAndPort(text: string): { host: string; port: number | null } {
  const found = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text);
  if (!found) throw new Error(`address ${text}: too many colons in address`);
  return { host: found[1] ?? found[2] ?? '', port: found[3] === undefined ? null : Number(found[3]) };
}

/** Null: the machine's own syslog, at /dev/log. */
export function syslogAddress(options: Options): LogAddress | null {
  const address = options['syslog-address'] ?? '';
  if (address === '') return null;
  const parts = split(address);
  if (!parts) throw new Error(`syslog-address should be in form proto://address, got ${address}`);
  if (parts.path && !existsSync(parts.path)) throw new Error(`stat ${parts.path}: no such file or directory`);
  return { ...parts, port: parts.port ?? (parts.path ? 0 : 514) };
}

const facilities = [
  'kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp', '', '', '', '', 'local0', 'local1',
  'local2', 'local3', 'local4', 'local5', 'local6', 'local7',
];

export function syslogFacility(options: Options): number {
  const facility = options['syslog-facility'] || 'daemon';
  const named = facilities.indexOf(facility);
  if (named >= 0) return named;
  if (/^\d+$/.test(facility) && Number(facility) < facilities.length) return Number(facility);
  throw new Error('invalid syslog facility');
}

const formats = ['', 'rfc3164', 'rfc5424', 'rfc5424micro'] as const;
export type SyslogFormat = (typeof formats)[number];

export function syslogFormat(options: Options): SyslogFormat {
  const format = formats.find((known) => known === (options['syslog-format'] ?? ''));
  if (format === undefined) throw new Error('Invalid syslog format');
  return format;
}

export function checkSyslog(options: Options): void {
  syslogAddress(options);
  syslogFacility(options);
  syslogFormat(options);
}

export function fluentdAddress(options: Options): LogAddress {
  const address = options['fluentd-address'] ?? '';
  if (address === '') return { scheme: 'tcp', host: '127.0.0.1', port: 24224, path: '' };
  try {
    const { scheme, host, port, path } = split(address) ?? { scheme: 'tcp', ...hostAndPort(address), path: '' };
    return { scheme, host: host || '127.0.0.1', port: path ? 0 : (port ?? 24224), path };
  } catch (error) {
    throw new Error(`invalid fluentd-address ${address}: ${(error as Error).message}`);
  }
}

export function checkFluentd(options: Options): void {
  fluentdAddress(options);
  const { 'fluentd-buffer-limit': limit, 'fluentd-retry-wait': wait, 'fluentd-max-retries': retries } = options;
  if (limit) size(limit, 1024);
  if (wait) duration(wait);
  if (retries) integer(retries);
  if (options['fluentd-async'] && options['fluentd-async-connect']) {
    throw new Error("conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'");
  }
  for (const option of ['async', 'async-connect', 'request-ack', 'sub-second-precision']) truth(options[`fluentd-${option}`] || 'false');
}

export function gelfAddress(options: Options): LogAddress | null {
  const address = options['gelf-address'] ?? '';
  if (address === '') return null;
  const parts = split(address);
  if (!parts) throw new Error(`gelf-address should be in form proto://address, got ${address}`);
  if (parts.scheme !== 'udp' && parts.scheme !== 'tcp') throw new Error('gelf: endpoint needs to be TCP or UDP');
  if (parts.port === null) throw new Error('gelf: please provide gelf-address as proto://host:port');
  return { ...parts, port: parts.port };
}

export function checkGelf(options: Options): void {
  const wrong = (option: string): Error => new Error(`unknown value ${JSON.stringify(options[option])} for log opt ${JSON.stringify(option)} for gelf log driver`);
  const { 'gelf-compression-level': level, 'gelf-compression-type': type } = options;
  if (level !== undefined && !/^(-1|\d)$/.test(level)) throw wrong('gelf-compression-level');
  if (type !== undefined && !['gzip', 'zlib', 'none'].includes(type)) throw wrong('gelf-compression-type');
  for (const option of ['gelf-tcp-max-reconnect', 'gelf-tcp-reconnect-delay']) {
    if (options[option] !== undefined && !/^\d+$/.test(options[option])) throw wrong(option);
  }
  gelfAddress(options);
}
