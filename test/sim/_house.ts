// _house.ts: a daemon without faces on a simulated machine, that can die at any step and be restored
import { memoryLog } from '../../events/stores/memory.ts';
import type { ImageRecord } from '../../events/image.ts';
import type { Log } from '../../events/log.ts';
import type { Recorded } from '../../events/fact.ts';
import { exampleSpec } from '../../events/container.ts';
import type { ContainerSpec, HostConfig } from '../../events/spec.ts';
import { ask } from '../../actors/ask.ts';
import type { Engine } from '../../actors/engine.ts';
import { boot, ensureNetworks, sweepLeftovers } from '../../actors/reconcile.ts';
import { openEngine } from '../../actors/restore.ts';
import type { Asker } from '../../actors/turn.ts';
import type { World } from '../../actors/world.ts';
import { simulatedWorld } from '../../actors/worlds/simulated.ts';
import { simulatedMachine, type Machine } from '../../actors/worlds/simulated/machine.ts';

export const asker: Asker = { caller: { transport: 'internal' }, correlationId: 'test', causation: null };

/** Thrown out of a door or an append when the daemon is to die there; nothing it does afterwards counts. */
export class Died extends Error {}

/** Counts the steps of a daemon: each append and each call of a door is one before and one after. */
export interface Steps {
  taken: number;
  /** Dies at this step; null lives. */
  readonly dieAt: number | null;
  readonly death: AbortController;
}
export const lives = (dieAt: number | null = null): Steps => ({ taken: 0, dieAt, death: new AbortController() });

export interface House {
  readonly machine: Machine;
  readonly facts: Recorded[];
  readonly engine: Engine;
  readonly faults: string[];
}

export const imageId = `sha256:${'a1'.repeat(32)}`;

/** Opens a daemon on the facts that are durable and the machine as it is. */
export async function openHouse(machine: Machine = simulatedMachine(), facts: Recorded[] = [], steps: Steps = lives()): Promise<House> {
  // An append that was under way when the last daemon died is in the list of facts by now.
  await new Promise((resolve) => setImmediate(resolve));
  const faults: string[] = [];
  const log = dying(await recording(memoryLog({ facts }), facts), steps, ['append']);
  const inner = simulatedWorld({ machine });
  const world = { ...inner } as Record<keyof World, unknown>;
  for (const door of ['runtime', 'stdio', 'networks', 'images', 'volumes'] as const) world[door] = dying(inner[door], steps, null);
  const { engine, wake } = await openEngine({ id: 'sim', log, world: world as unknown as World, onFault: (stream, message) => faults.push(`${stream}: ${message}`) });
  await ensureNetworks(engine);
  await sweepLeftovers(engine);
  wake();
  await boot(engine);
  return { machine, facts, engine, faults };
}

async function recording(log: Log, facts: Recorded[]): Promise<Log> {
  return Object.assign(Object.create(log) as Log, {
    append: async (...args: Parameters<Log['append']>) => {
      const recorded = await log.append(...args);
      facts.push(...recorded);
      return recorded;
    },
  });
}

/** Wraps each function of a door: a call after the death never returns, as nothing does in a process that was killed. */
function dying<T extends object>(door: T, steps: Steps, only: readonly string[] | null): T {
  return new Proxy(door, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver);
      if (value !== null && typeof value === 'object' && key === 'execs') return dying(value, steps, null);
      if (typeof value !== 'function' || (only && !only.includes(String(key)))) return value;
      return (...args: unknown[]) => {
        step(steps);
        if (steps.death.signal.aborted) return forever();
        const result: unknown = Reflect.apply(value, target, args);
        if (!(result instanceof Promise)) return result;
        return result.then(
          (outcome) => {
            step(steps);
            return steps.death.signal.aborted ? forever() : outcome;
          },
          (error: unknown) => {
            step(steps);
            if (steps.death.signal.aborted) return forever();
            throw error;
          },
        );
      };
    },
  });
}
const forever = () => new Promise<never>(() => undefined);
function step(steps: Steps): void {
  steps.taken += 1;
  if (steps.dieAt !== null && steps.taken >= steps.dieAt) steps.death.abort();
}

/** Lets everything happen that can happen without time passing, then time until nobody waits for it or `nanos` are over. */
export async function settle(house: House, nanos = 120_000_000_000n): Promise<void> {
  const end = house.machine.clock.now() + nanos;
  for (;;) {
    for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve));
    const next = house.machine.clock.next();
    if (next === null || next > end) return;
    await house.machine.clock.advance(next - house.machine.clock.now());
  }
}

export const exampleImageRecord: ImageRecord = {
  id: imageId, config: { architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] }, rootfs: { type: 'layers', diff_ids: ['sha256:01'] } }, manifest: 'sha256:02', size: 1,
  layerSizes: [1], chainId: 'sha256:01',
};

export async function givenImageAndNetwork({ engine, machine }: House): Promise<void> {
  machine.images.set(imageId, exampleImageRecord);
  await ask(engine, 'image', imageId.slice(7), { name: 'add', image: exampleImageRecord, how: 'loaded', displayName: imageId, digest: '', references: ['docker.io/library/busybox:latest'] }, asker);
  await ask(
    engine, 'network', 'net1',
    {
      name: 'create',
      network: {
        id: 'net1', name: 'bridge', driver: 'bridge', ipv4: { subnet: '172.17.0.0/16', gateway: '172.17.0.1' }, bridge: 'sim0', mtu: 1500, internal: false, attachable: false,
        masquerade: true, icc: true, hostAddress: '0.0.0.0', options: {}, labels: {},
      },
    },
    asker,
  );
}

export function specOf(command: string[], hostConfig: Partial<HostConfig> = {}): ContainerSpec {
  return {
    ...exampleSpec,
    config: { ...exampleSpec.config, Cmd: command },
    hostConfig: { ...exampleSpec.hostConfig, ...hostConfig },
    image: { id: imageId, reference: 'busybox' },
  };
}
