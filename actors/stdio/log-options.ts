// log-options.ts: which log drivers there are, and which options each of them takes
import { checkFluentd, checkGelf, checkSyslog } from './log-addresses.ts';
import { integer, size, truth } from './size.ts';

export type LogConfig = { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
type Options = Readonly<Record<string, string>>;

interface DriverRow {
  readonly options: readonly string[];
  readonly unknown: (option: string) => string;
  /** Throws when the values make no sense. */
  readonly check: (options: Options) => void;
}

const attributes = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
const files = ['max-size', 'max-file', 'compress'];
const unknownFor = (driver: string) => (option: string) => `unknown log opt '${option}' for ${driver} log driver`;

/** moby: daemon/logger/<driver>, ValidateLogOpt and New of each. */
const drivers: Readonly<Record<string, DriverRow>> = {
  'json-file': { options: [...files, ...attributes], unknown: unknownFor('json-file'), check: (options) => void jsonFileLimits(options) },
  local: { options: [...files, ...attributes], unknown: (option) => `unknown log opt '${option}' for log driver local`, check: (options) => void localLimits(options) },
  syslog: {
    options: [
      ...attributes, 'syslog-address', 'syslog-facility', 'syslog-format', 'syslog-tls-ca-cert', 'syslog-tls-cert', 'syslog-tls-key',
      'syslog-tls-skip-verify',
    ],
    unknown: unknownFor('syslog'),
    check: checkSyslog,
  },
  journald: { options: attributes, unknown: unknownFor('journald'), check: () => undefined },
  fluentd: {
    options: [
      ...attributes, 'fluentd-address', 'fluentd-async', 'fluentd-async-connect', 'fluentd-buffer-limit', 'fluentd-max-retries',
      'fluentd-request-ack', 'fluentd-retry-wait', 'fluentd-sub-second-precision',
    ],
    unknown: unknownFor('fluentd'),
    check: checkFluentd,
  },
  gelf: {
    options: [...attributes, 'gelf-address', 'gelf-compression-level', 'gelf-compression-type', 'gelf-tcp-max-reconnect', 'gelf-tcp-reconnect-delay'],
    unknown: (option) => `unknown log opt ${JSON.stringify(option)} for gelf log driver`,
    check: checkGelf,
  },
};

/** For the drivers that are no file: the copy that `docker logs` reads. */
const cacheOptions = ['cache-disabled', 'cache-max-size', 'cache-max-file', 'cache-compress'];
const common = ['mode', 'max-buffer-size'];

/** Names that `docker info` lists. */
export const logDrivers: readonly string[] = ['none', ...Object.keys(drivers)].sort();

/** moby: daemon/logger/factory.go, ValidateLogOpts. What Docker finds at the first start only is found here as well. */
export function checkLogConfig(config: LogConfig): string | null {
  if (config.Type === 'none') return null;
  const { mode = '', 'max-buffer-size': buffer } = config.Config;
  if (!['', 'blocking', 'non-blocking'].includes(mode)) return `logger: logging mode not supported: ${mode}`;
  if (buffer !== undefined && mode !== 'non-blocking') return "logger: max-buffer-size option is only supported with 'mode=non-blocking'";
  if (buffer !== undefined && complaint(() => size(buffer, 1024))) return `error parsing option max-buffer-size: ${complaint(() => size(buffer, 1024))}`;
  const driver = drivers[config.Type];
  if (!driver) return `logger: no log driver named '${config.Type}' is registered`;
  const known = new Set([...common, ...cacheOptions, ...driver.options]);
  const unknown = Object.keys(config.Config).find((option) => !known.has(option));
  if (unknown !== undefined) return driver.unknown(unknown);
  return complaint(() => {
    driver.check(config.Config);
    cacheLimits(config.Config);
    for (const option of ['labels-regex', 'env-regex']) if (config.Config[option]) new RegExp(config.Config[option]);
  });
}

function complaint(check: () => unknown): string | null {
  try {
    check();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

export interface Limits {
  /** Bytes; 0: none. */
  readonly maxSize: number;
  readonly maxFiles: number;
  readonly compress: boolean;
}

export function jsonFileLimits(options: Options): Limits {
  const maxSize = options['max-size'] === undefined ? 0 : size(options['max-size'], 1000);
  if (options['max-size'] !== undefined && maxSize <= 0) throw new Error('max-size must be a positive number');
  const maxFiles = integer(options['max-file'] ?? '1');
  if (maxFiles < 1) throw new Error('max-file cannot be less than 1');
  const compress = truth(options['compress'] ?? 'false');
  if (compress && (maxFiles === 1 || maxSize === 0)) {
    throw new Error('compress cannot be true when max-file is less than 2 or max-size is not set');
  }
  return { maxSize, maxFiles, compress };
}

const localDefaults = { 'max-size': '20971520', 'max-file': '5', compress: 'true' };

export function localLimits(options: Options): Limits {
  const asked = { ...localDefaults, ...options };
  const about = <T>(text: string, read: () => T): T => {
    const wrong = complaint(read);
    if (wrong) throw new Error(`invalid ${text}: ${wrong}`);
    return read();
  };
  const maxSize = about(`value for max-size: ${asked['max-size']}`, () => size(asked['max-size'], 1000));
  const maxFiles = about(`value for max-file: ${asked['max-file']}`, () => integer(asked['max-file']));
  const compress = about('boolean value for compress', () => truth(asked.compress));
  if (maxFiles < 0) throw new Error('max-file must not be negative');
  if (compress && maxFiles <= 1) throw new Error('compression cannot be enabled when max file count is 1');
  return { maxSize, maxFiles: Math.max(1, maxFiles), compress };
}

/** Null: no copy is kept, and `docker logs` has nothing to read (moby: daemon/logger/loggerutils/cache). */
export function cacheLimits(options: Options): Limits | null {
  if (truth(options['cache-disabled'] ?? 'false')) return null;
  const named = (option: string): Record<string, string> => (options[`cache-${option}`] === undefined ? {} : { [option]: options[`cache-${option}`]! });
  return localLimits({ ...named('max-size'), ...named('max-file'), ...named('compress') });
}
