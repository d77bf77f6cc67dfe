// mount-spec.ts: mounts as requests write them, resolved as far as words go (moby: volume/mounts/linux_parser.go)
import type { Mount, MountPoint } from '../../events/spec.ts';

/** A sentence about what is wrong, or the mount. */
export type Parsed = { readonly complaint: string } | { readonly mount: MountPoint };
export const isComplaint = (parsed: Parsed): parsed is { readonly complaint: string } => 'complaint' in parsed;

const words = {
  access: new Set(['rw', 'ro']),
  label: new Set(['z', 'Z']),
  propagation: new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']),
  copy: new Set(['nocopy']),
  consistency: new Set(['consistent', 'cached', 'delegated', 'default']),
} as const;

/** Each sort of word once at most. */
function isMode(mode: string): boolean {
  if (mode === '') return true;
  const seen = mode.split(',').map((word) => Object.entries(words).find(([, known]) => known.has(word))?.[0]);
  return !seen.includes(undefined) && new Set(seen).size === seen.length;
}

/** `/a//b/../c/` is `/a/c`. Go: path.Clean */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function complaintAboutTarget(target: string): string | null {
  if (!target.startsWith('/')) return `invalid mount path: '${target}' mount path must be absolute`;
  return cleanPath(target) === '/' ? `invalid specification: destination can't be '/'` : null;
}

const defaultPropagation = 'rprivate';

/** `-v` : `/dst`, `name:/dst`, `/src:/dst:ro,z`. `olderClient`: read-only is not recursive. */
export function parseBind(raw: string, olderClient: boolean): Parsed {
  const parts = raw.split(':');
  const bad = { complaint: `invalid volume specification: '${raw}'` };
  if (parts[0] === '' || parts.length > 3) return bad;
  if (parts.length === 2 && isMode(parts[1]!)) return bad;
  const [source, target, mode] = parts.length === 1 ? ['', parts[0]!, ''] : [parts[0]!, parts[1]!, parts[2] ?? ''];
  if (!isMode(mode)) return { complaint: `invalid mode: ${mode}` };
  const type = source.startsWith('/') ? 'bind' : 'volume';
  const complaint = target === '' ? 'field Target must not be empty' : complaintAboutTarget(target);
  if (complaint !== null) return { complaint: `${bad.complaint}: invalid mount config for type "${type}": ${complaint}` };
  const options = mode.split(',');
  const readWrite = !options.includes('ro');
  const propagation = options.find((word) => words.propagation.has(word));
  if (type === 'volume') {
    if (propagation) return { complaint: `${bad.complaint}: invalid mount config for type "volume": field BindOptions must not be specified` };
    const named = source === '' ? { anonymous: true } : { name: source };
    const copy = !options.includes('nocopy');
    return { mount: { type, source: '', destination: cleanPath(target), driver: 'local', mode: mode || 'z', readWrite, propagation: '', copy, ...named } };
  }
  if (options.includes('nocopy')) return { complaint: `${bad.complaint}: invalid mount config for type "bind": field VolumeOptions must not be specified` };
  return {
    mount: {
      type, source: cleanPath(source), destination: cleanPath(target), mode, readWrite, propagation: propagation ?? defaultPropagation, copy: false,
      createSource: true, ...(!readWrite && olderClient ? { nonRecursive: true } : {}),
    },
  };
}

const extra = (field: string) => `field ${field} must not be specified`;

function complaintAboutBind({ Source, BindOptions, VolumeOptions }: Mount): string | null {
  if (!Source) return 'field Source must not be empty';
  const propagation = BindOptions?.Propagation ?? '';
  if (propagation !== '' && !words.propagation.has(propagation)) return `invalid propagation mode: ${propagation}`;
  if (VolumeOptions) return extra('VolumeOptions');
  if (!Source.startsWith('/')) return `invalid mount path: '${Source}' mount path must be absolute`;
  return null;
}

const isLocalPath = (path: string): boolean => !path.startsWith('/') && cleanPath(`/x/${path}`).startsWith('/x');

function complaintAboutVolume({ Source, BindOptions, VolumeOptions, ReadOnly }: Mount): string | null {
  if (BindOptions) return extra('BindOptions');
  if (VolumeOptions?.Subpath) {
    if (!Source) return 'must not set Subpath when using anonymous volumes';
    if (!isLocalPath(VolumeOptions.Subpath)) return 'subpath must be a relative path within the volume';
  }
  return ReadOnly && !Source ? 'must not set ReadOnly mode when using anonymous volumes' : null;
}

function complaintAboutTmpfs({ Source, BindOptions, TmpfsOptions }: Mount): string | null {
  if (BindOptions) return extra('BindOptions');
  if (Source) return extra('Source');
  for (const option of TmpfsOptions?.Options ?? []) {
    if (option.length < 1 || option.length > 2) return 'invalid option array length';
    if (option[0] !== 'exec' && option[0] !== 'noexec') return `invalid option: ${option[0]}`;
  }
  return null;
}

const checks: Partial<Record<Mount['Type'], (mount: Mount) => string | null>> = {
  bind: complaintAboutBind,
  volume: complaintAboutVolume,
  tmpfs: complaintAboutTmpfs,
};

const sizes = [['g', 2 ** 30], ['m', 2 ** 20], ['k', 2 ** 10], ['', 1]] as const;

function tmpfsOptions({ TmpfsOptions: options }: Mount): string[] {
  const [suffix, unit] = sizes.find(([, each]) => (options?.SizeBytes ?? 0) % each === 0)!;
  return [
    ...(options?.Mode ? [`mode=${options.Mode.toString(8)}`] : []),
    ...(options?.SizeBytes ? [`size=${options.SizeBytes / unit}${suffix}`] : []),
    ...(options?.Options ?? []).map((option) => option.join('=')),
  ];
}

/** `--mount`. That a bind's source exists is for the world to say. */
export function parseMount(mount: Mount, olderClient: boolean): Parsed {
  const check = checks[mount.Type];
  const wrong = (complaint: string) => ({ complaint: `invalid mount config for type "${mount.Type}": ${complaint}` });
  if (!mount.Target) return wrong('field Target must not be empty');
  const complaint = complaintAboutTarget(mount.Target) ?? (check ? check(mount) : 'mount type unknown');
  if (complaint !== null) return wrong(complaint);
  const readWrite = !mount.ReadOnly;
  const base = { destination: cleanPath(mount.Target), readWrite, propagation: '', copy: false, source: '', mode: '' };
  if (mount.Type === 'tmpfs') return { mount: { ...base, type: 'tmpfs', tmpfsOptions: tmpfsOptions(mount) } };
  if (mount.Type === 'volume') {
    const { NoCopy, Subpath } = mount.VolumeOptions ?? {};
    const named = mount.Source ? { name: mount.Source } : { anonymous: true };
    return { mount: { ...base, type: 'volume', driver: 'local', mode: 'z', copy: !NoCopy, ...named, ...(Subpath ? { subpath: Subpath } : {}) } };
  }
  const { Propagation, NonRecursive, ReadOnlyNonRecursive, CreateMountpoint } = mount.BindOptions ?? {};
  const nonRecursive = NonRecursive || ReadOnlyNonRecursive || (!readWrite && olderClient);
  return {
    mount: {
      ...base, type: 'bind', source: cleanPath(mount.Source!), propagation: Propagation || defaultPropagation,
      ...(nonRecursive ? { nonRecursive: true } : {}), ...(CreateMountpoint ? { createSource: true } : {}),
    },
  };
}

/** `name`, `name:ro`. */
export function parseVolumesFrom(text: string): { readonly complaint: string } | { readonly reference: string; readonly readWrite: boolean } {
  if (text === '') return { complaint: 'volumes-from specification cannot be an empty string' };
  const [reference = '', mode = ''] = text.split(/:(.*)/s);
  const options = mode.split(',');
  if (!isMode(mode) || options.some((word) => words.propagation.has(word) || words.copy.has(word))) return { complaint: `invalid mode: ${mode}` };
  return { reference, readWrite: !options.includes('ro') };
}

/** Of `--tmpfs /run:size=64k`: the targets. */
export const complaintAboutTmpfsTargets = (asked: Readonly<Record<string, string>>): string | null =>
  Object.keys(asked).map(complaintAboutTarget).find((complaint) => complaint !== null) ?? null;
