// log-settings.ts: from a container's log configuration to what the keeper is told
import type { ContainerSpec } from '../../events/spec.ts';
import type { ContainerFacts, FileSettings, LogSettings, RemoteSettings } from './frames.ts';
import { cacheLimits, jsonFileLimits, type Limits, localLimits } from './log-options.ts';
import { logTag } from './log-tag.ts';
import { size, truth } from './size.ts';

type Options = Readonly<Record<string, string>>;

export interface LogFolder {
  /** `/var/lib/tallyd/containers/<id>`. */
  readonly path: string;
  readonly id: string;
}

/** The files that may hold a container's log; `local` is kept in the same format as json-file, in Docker's place for it. */
export const logFiles = ({ path, id }: LogFolder): { json: string; local: string; cache: string } => ({
  json: `${path}/${id}-json.log`,
  local: `${path}/local-logs/container.log`,
  cache: `${path}/container-cached.log`,
});

/** Null: this configuration keeps nothing that could be read. */
export function logFileOf(folder: LogFolder, config: ContainerSpec['hostConfig']['LogConfig']): string | null {
  if (config.Type === 'none') return null;
  if (config.Type === 'json-file' || config.Type === '') return logFiles(folder).json;
  if (config.Type === 'local') return logFiles(folder).local;
  return cacheLimits(config.Config) ? logFiles(folder).cache : null;
}

export function logSettings(folder: LogFolder, name: string, spec: ContainerSpec, hostname: string): LogSettings {
  const { Type: driver, Config: options } = spec.hostConfig.LogConfig;
  const path = logFileOf(folder, spec.hostConfig.LogConfig);
  const attributes = extraAttributes(options, spec);
  const container = containerFacts(folder.id, name, spec, hostname);
  const tag = (fallback: string): string => logTag(options['tag'] || fallback, { ...container, attributes });
  const file = (limits: Limits): FileSettings | null => {
    if (path === null) return null;
    const all = options['tag'] ? { ...attributes, tag: tag('') } : attributes;
    return { path, ...limits, attributes: Object.keys(all).length > 0 ? sorted(all) : null };
  };
  if (driver === 'none') return { file: null, remote: null };
  if (driver === 'json-file' || driver === '') return { file: file(jsonFileLimits(options)), remote: null };
  if (driver === 'local') return { file: file(localLimits(options)), remote: null };
  const limits = cacheLimits(options);
  return {
    file: limits && file(limits),
    remote: {
      driver: driver as RemoteSettings['driver'],
      tag: tag('{{.ID}}'),
      options,
      attributes,
      container,
      bufferBytes: size(options['max-buffer-size'] ?? options['fluentd-buffer-limit'] ?? '1m', 1024),
      lossy: options['mode'] === 'non-blocking' || truth(options['fluentd-async'] || 'false'),
    },
  };
}

/** Docker's maps are written with their keys in order. */
const sorted = (of: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1)));

function containerFacts(id: string, name: string, spec: ContainerSpec, hostname: string): ContainerFacts {
  const { Entrypoint, Cmd, Image } = spec.config;
  return { id, name, imageId: spec.image.id, imageName: Image, command: [...(Entrypoint ?? []), ...(Cmd ?? [])].join(' '), hostname };
}

/** Labels and environment by exact name and by pattern (moby: daemon/logger/loginfo.go). */
function extraAttributes(options: Options, spec: ContainerSpec): Record<string, string> {
  const environment = Object.fromEntries(spec.config.Env.filter((entry) => entry.includes('=')).map((entry) => cut(entry)));
  return { ...chosen(spec.config.Labels ?? {}, options, 'labels'), ...chosen(environment, options, 'env') };
}

function cut(entry: string): [string, string] {
  const at = entry.indexOf('=');
  return [entry.slice(0, at), entry.slice(at + 1)];
}

function chosen(from: Readonly<Record<string, string>>, options: Options, option: 'labels' | 'env'): Record<string, string> {
  const names = new Set((options[option] ?? '').split(','));
  const pattern = options[`${option}-regex`] ? new RegExp(options[`${option}-regex`]!) : null;
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name) || pattern?.test(name)));
}
