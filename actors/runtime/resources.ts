// resources.ts: the limits of a container as its cgroup is given them
import { statSync } from 'node:fs';
import type { Resources, ThrottleDevice } from '../../events/spec.ts';
import { WorldFailure } from '../world.ts';
import { numbersOf } from './devices.ts';
import type { LinuxResources, Throttle } from './oci.ts';

/** Microseconds: the period that Docker takes for --cpus. */
const cpuPeriodUs = 100_000;

/** 0, empty and null mean "not asked for", and are left out. moby: daemon/daemon_unix.go */
export function resourcesFor(asked: Resources): LinuxResources {
  if (asked.CpuShares < 0) throw new WorldFailure('invalid', 'shares: invalid argument');
  return {
    memory: memoryFor(asked),
    cpu: cpuFor(asked),
    ...(asked.PidsLimit !== null && asked.PidsLimit !== undefined && { pids: pidsFor(asked.PidsLimit) }),
    blockIO: blockIoFor(asked),
  };
}

/** What a running container is changed to: only what was asked for. */
export function changedResources(asked: Partial<Resources>): LinuxResources {
  return {
    memory: memoryFor(asked),
    cpu: cpuFor(asked),
    ...(asked.PidsLimit !== null && asked.PidsLimit !== undefined && { pids: pidsFor(asked.PidsLimit) }),
    ...(asked.BlkioWeight && { blockIO: { weight: asked.BlkioWeight } }),
  };
}

const memoryFor = (asked: Partial<Resources>): NonNullable<LinuxResources['memory']> => ({
  ...(asked.Memory && { limit: asked.Memory }),
  ...(asked.MemoryReservation && { reservation: asked.MemoryReservation }),
  ...(asked.MemorySwap && { swap: asked.MemorySwap }),
  ...(typeof asked.MemorySwappiness === 'number' && asked.MemorySwappiness >= 0 && { swappiness: asked.MemorySwappiness }),
  ...(asked.OomKillDisable && { disableOOMKiller: true }),
});

function cpuFor(asked: Partial<Resources>): NonNullable<LinuxResources['cpu']> {
  const period = asked.CpuPeriod || (asked.NanoCpus ? cpuPeriodUs : 0);
  const quota = asked.CpuQuota || (asked.NanoCpus ? Math.floor((asked.NanoCpus * cpuPeriodUs) / 1e9) : 0);
  return {
    ...(asked.CpuShares && { shares: asked.CpuShares }),
    ...(period && { period }),
    ...(quota && { quota }),
    ...(asked.CpuRealtimePeriod && { realtimePeriod: asked.CpuRealtimePeriod }),
    ...(asked.CpuRealtimeRuntime && { realtimeRuntime: asked.CpuRealtimeRuntime }),
    ...(asked.CpusetCpus && { cpus: asked.CpusetCpus }),
    ...(asked.CpusetMems && { mems: asked.CpusetMems }),
  };
}

/** runc needs -1 to lift a limit; Docker takes 0 for it too. */
const pidsFor = (limit: number): { limit: number } => ({ limit: limit <= 0 ? -1 : limit });

function blockIoFor(asked: Resources): NonNullable<LinuxResources['blockIO']> {
  return {
    ...(asked.BlkioWeight && { weight: asked.BlkioWeight }),
    ...(asked.BlkioWeightDevice?.length && {
      weightDevice: asked.BlkioWeightDevice.map(({ Path, Weight }) => ({ ...device(Path), weight: Weight })),
    }),
    ...throttle('throttleReadBpsDevice', asked.BlkioDeviceReadBps),
    ...throttle('throttleWriteBpsDevice', asked.BlkioDeviceWriteBps),
    ...throttle('throttleReadIOPSDevice', asked.BlkioDeviceReadIOps),
    ...throttle('throttleWriteIOPSDevice', asked.BlkioDeviceWriteIOps),
  };
}

const throttle = (name: string, devices: ThrottleDevice[] | null): Record<string, Throttle[]> =>
  devices?.length ? { [name]: devices.map(({ Path, Rate }) => ({ ...device(Path), rate: Rate })) } : {};

function device(path: string): { major: number; minor: number } {
  try {
    return numbersOf(statSync(path, { bigint: true }).rdev);
  } catch {
    throw new WorldFailure('invalid', `stat ${path}: no such file or directory`);
  }
}
