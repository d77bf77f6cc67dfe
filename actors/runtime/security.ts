// security.ts: --security-opt, and what a container may see of /proc and /sys
import { existsSync, readFileSync } from 'node:fs';
import type { HostConfig } from '../../events/spec.ts';
import { WorldFailure } from '../world.ts';

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, a profile as JSON text, or null for the default one. */
  readonly seccomp: string | null;
  readonly apparmor: string | null;
}

/** moby: daemon/daemon_unix.go, parseSecurityOpt. Labels are SELinux's, which is not supported. */
export function securityOptions(given: readonly string[] | null): SecurityOptions {
  let options: SecurityOptions = { noNewPrivileges: false, seccomp: null, apparmor: null };
  for (const text of given ?? []) options = { ...options, ...optionOf(text) };
  return options;
}

function optionOf(text: string): Partial<SecurityOptions> {
  const [, name = text, value = ''] = /^([^=:]+)[=:]([\s\S]*)$/.exec(text) ?? [];
  if (name === 'no-new-privileges') return { noNewPrivileges: value === '' || value === 'true' || value === '1' };
  if (name === 'seccomp') return { seccomp: value === 'builtin' ? null : value };
  if (name === 'apparmor') return { apparmor: value };
  if (name === 'label' || name === 'disable' || name === 'systempaths' || name === 'writable-cgroups') return {};
  throw new WorldFailure('invalid', `invalid --security-opt 2: "${text}"`);
}

const masked = [
  '/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
  '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap',
];
const readonly = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** An empty list, as `systempaths=unconfined` sends it, hides nothing. */
export function hiddenPaths({ Privileged, MaskedPaths, ReadonlyPaths }: HostConfig): { maskedPaths: string[]; readonlyPaths: string[] } {
  return {
    maskedPaths: MaskedPaths ?? (Privileged ? [] : masked),
    readonlyPaths: ReadonlyPaths ?? (Privileged ? [] : readonly),
  };
}

const profiles = '/sys/kernel/security/apparmor/profiles';
const defaultProfile = 'docker-default';

/** Empty where the host has no AppArmor, or not the default profile. */
export function apparmorProfile(asked: string | null, privileged: boolean): string {
  if (!existsSync(profiles)) return '';
  if (asked) return asked;
  if (privileged) return 'unconfined';
  return readFileSync(profiles, 'utf8').includes(`${defaultProfile} (`) ? defaultProfile : '';
}
