// capabilities.ts: which Linux capabilities a container's processes get
import { readFileSync } from 'node:fs';
import { WorldFailure } from '../world.ts';

/** By number, include/uapi/linux/capability.h. */
const names = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE',
  'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE',
  'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF',
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

/** What Docker gives when nothing is said, in its order. moby: oci/caps/defaults.go */
export const defaultCapabilities = [
  'CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT',
  'KILL', 'AUDIT_WRITE',
].map((name) => `CAP_${name}`);

export interface CapabilityWishes {
  readonly add: readonly string[] | null;
  readonly drop: readonly string[] | null;
  readonly privileged: boolean;
}

/** `available`: what the daemon itself can pass on; more than that nobody can be given. */
export function capabilitiesFor({ add, drop, privileged }: CapabilityWishes, available: readonly string[]): string[] {
  if (privileged) return [...available];
  const added = (add ?? []).map(normal);
  const dropped = (drop ?? []).map(normal);
  if (added.includes('ALL')) return available.filter((name) => !dropped.includes(name));
  if (dropped.includes('ALL')) return added;
  const kept = defaultCapabilities.filter((name) => !dropped.includes(name) && available.includes(name));
  return [...new Set([...kept, ...added])];
}

function normal(given: string): string {
  const name = given.toUpperCase();
  if (name === 'ALL') return name;
  const full = name.startsWith('CAP_') ? name : `CAP_${name}`;
  if (!names.includes(full)) throw new WorldFailure('invalid', `unknown capability: "${full}"`);
  return full;
}

/** The bounding set of this process, by name. */
export function ownCapabilities(status = readFileSync('/proc/self/status', 'utf8')): string[] {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return names.filter((_, number) => (mask >> BigInt(number)) & 1n);
}
