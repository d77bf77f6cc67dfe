// seccomp.ts: the system calls a container may make: Docker's default profile, or one of the user's own
import { readFileSync } from 'node:fs';
import { WorldFailure } from '../world.ts';
import type { Seccomp, SeccompArgument } from './oci.ts';

/** What a profile's conditions are held against. */
export interface Circumstances {
  /** `amd64`. */
  readonly architecture: string;
  /** `6.1.0-18-amd64`. */
  readonly kernel: string;
  readonly capabilities: readonly string[];
}

/** seccomp.json: each rule allows its calls, or answers them with `errno`, where all its conditions hold. */
interface Rule {
  withCapability?: string;
  withoutCapability?: string;
  on?: string[];
  notOn?: string[];
  sinceKernel?: string;
  errno?: number;
  argument?: SeccompArgument;
  calls: string[];
}
interface Profile {
  architectures: Record<string, string[]>;
  rules: Rule[];
}
let profile: Profile | null = null;
const resolved = new Map<string, Seccomp>();

/** Docker's default profile for these circumstances. The answer is shared: do not change it. */
export function defaultSeccomp(circumstances: Circumstances): Seccomp {
  const key = JSON.stringify(circumstances);
  const known = resolved.get(key);
  if (known) return known;
  profile ??= JSON.parse(readFileSync(new URL('./seccomp.json', import.meta.url), 'utf8')) as Profile;
  const seccomp: Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: profile.architectures[circumstances.architecture] ?? [],
    syscalls: profile.rules.filter((rule) => applies(rule, circumstances)).map(written),
  };
  resolved.set(key, seccomp);
  return seccomp;
}

const applies = (rule: Rule, { architecture, kernel, capabilities }: Circumstances): boolean =>
  (!rule.withCapability || capabilities.includes(rule.withCapability)) &&
  (!rule.withoutCapability || !capabilities.includes(rule.withoutCapability)) &&
  (!rule.on || rule.on.includes(architecture)) &&
  (!rule.notOn || !rule.notOn.includes(architecture)) &&
  (!rule.sinceKernel || atLeast(kernel, rule.sinceKernel));

const written = ({ calls, errno, argument }: Rule): Seccomp['syscalls'][number] => ({
  names: calls,
  action: errno === undefined ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_ERRNO',
  ...(errno !== undefined && { errnoRet: errno }),
  ...(argument && { args: [argument] }),
});

function atLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** A user's profile, in Docker's own layout. moby: profiles/seccomp/seccomp.go */
interface GivenFilter { caps?: string[]; arches?: string[]; minKernel?: string }
interface Given {
  defaultAction?: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  archMap?: { architecture: string; subArchitectures?: string[] }[];
  flags?: string[];
  syscalls?: {
    name?: string; names?: string[]; action: string; errnoRet?: number; args?: SeccompArgument[] | null;
    includes?: GivenFilter; excludes?: GivenFilter;
  }[];
}

const native: Readonly<Record<string, string>> = {
  amd64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64', arm: 'SCMP_ARCH_ARM', ppc64le: 'SCMP_ARCH_PPC64LE', s390x: 'SCMP_ARCH_S390X',
  riscv64: 'SCMP_ARCH_RISCV64',
};

/** The profile given as JSON text; null when it says nothing, which is the same as none. */
export function givenSeccomp(text: string, circumstances: Circumstances): Seccomp | null {
  const given = parse(text);
  if (!given.defaultAction && !given.syscalls?.length) return null;
  if (given.architectures?.length && given.archMap?.length) throw invalid("use either 'architectures' or 'archMap'");
  const mapped = given.archMap?.find(({ architecture }) => architecture === native[circumstances.architecture]);
  const architectures = given.architectures ?? (mapped ? [mapped.architecture, ...(mapped.subArchitectures ?? [])] : []);
  return {
    defaultAction: given.defaultAction ?? '',
    ...(given.defaultErrnoRet !== undefined && { defaultErrnoRet: given.defaultErrnoRet }),
    ...(architectures.length > 0 && { architectures }),
    ...(given.flags && { flags: given.flags }),
    syscalls: (given.syscalls ?? [])
      .filter(({ includes = {}, excludes = {} }) => includesAll(includes, circumstances) && !excludesAny(excludes, circumstances))
      .map(({ name, names, action, errnoRet, args }) => ({
        names: name ? [name] : (names ?? []),
        action,
        ...(errnoRet !== undefined && { errnoRet }),
        ...(args && { args }),
      })),
  };
}

const includesAll = ({ caps, arches, minKernel }: GivenFilter, { capabilities, architecture, kernel }: Circumstances): boolean =>
  (caps ?? []).every((name) => capabilities.includes(name)) &&
  (!arches?.length || arches.includes(architecture)) &&
  (!minKernel || atLeast(kernel, minKernel));

const excludesAny = ({ caps, arches, minKernel }: GivenFilter, { capabilities, architecture, kernel }: Circumstances): boolean =>
  (caps ?? []).some((name) => capabilities.includes(name)) ||
  (arches ?? []).includes(architecture) ||
  (minKernel !== undefined && minKernel !== '' && atLeast(kernel, minKernel));

function parse(text: string): Given {
  try {
    return JSON.parse(text) as Given;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}
const invalid = (why: string): WorldFailure => new WorldFailure('invalid', `Decoding seccomp profile failed: ${why}`);
