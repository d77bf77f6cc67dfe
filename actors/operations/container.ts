// container.ts: what clients ask of containers
import type { RestartPolicy, Resources } from '../../events/spec.ts';
import { complaintAboutName, complaintAboutPolicy } from '../../machines/container/complaint.ts';
import type { Note } from '../../machines/container/command.ts';
import { checkedResources } from '../../machines/container/limits.ts';
import { signalNamed, signalNumber } from '../../events/signal.ts';
import { ask } from '../ask.ts';
import type { Engine } from '../engine.ts';
import { Refused } from '../refused.ts';
import { all, get, viewOf } from '../roster.ts';
import type { Asker } from '../turn.ts';
import { askContainer, oneOf } from './ask-container.ts';
import { machineOf } from './container-create.ts';
import { contextOf, findContainer, stateOf, type Container } from './find-container.ts';
import { claimName } from './names.ts';
import { throwFailure } from './outcome.ts';

/** Waits until the engine is awake: what is asked for may be changed by what it finds. */
async function ready(engine: Engine, reference: string): Promise<Container> {
  await engine.ready;
  return findContainer(engine.roster, reference);
}

export async function startContainer(engine: Engine, reference: string, asker: Asker): Promise<void> {
  const container = await ready(engine, reference);
  throwFailure(await askContainer(engine, container, { name: 'start' }, asker, oneOf('started', 'startFailed')));
}

export interface StopWish {
  /** Null: the container's own. */
  readonly signal: string | null;
  /** Null: the container's own; below zero: for ever. */
  readonly timeoutSeconds: number | null;
}

const known = (signal: string): string => {
  const name = signalNamed(signal);
  if (name === null) throw new Refused('invalid', `invalid signal: ${signal}`);
  return name;
};
const checkedWish = ({ signal, timeoutSeconds }: StopWish): StopWish => ({ signal: signal === null ? null : known(signal), timeoutSeconds });

export async function stopContainer(engine: Engine, reference: string, wish: StopWish, asker: Asker): Promise<void> {
  const container = await ready(engine, reference);
  await askContainer(engine, container, { name: 'stop', ...checkedWish(wish) }, asker, oneOf('restartCancelled', 'started'));
}

export async function restartContainer(engine: Engine, reference: string, wish: StopWish, asker: Asker): Promise<void> {
  const container = await ready(engine, reference);
  const outcome = await askContainer(engine, container, { name: 'restart', ...checkedWish(wish) }, asker, oneOf('restarted', 'startFailed'));
  throwFailure(outcome, `Cannot restart container ${reference}: `);
}

/** SIGKILL is waited for, as dockerd does; any other signal is merely delivered. */
export async function killContainer(engine: Engine, reference: string, signal: string, asker: Asker): Promise<void> {
  if (signalNumber(signal || 'SIGKILL') === null) throw new Refused('invalid', `invalid signal: ${signal}`);
  const container = await ready(engine, reference);
  const name = known(signal || 'SIGKILL');
  try {
    const settles = name === 'SIGKILL' ? oneOf('signalFailed') : oneOf('killed', 'signalFailed');
    throwFailure(await askContainer(engine, container, { name: 'kill', signal: name }, asker, settles));
  } catch (error) {
    throw error instanceof Refused ? new Refused(error.kind, `cannot kill container: ${reference}: ${error.message}`) : error;
  }
}

export async function pauseContainer(engine: Engine, reference: string, asker: Asker): Promise<void> {
  const container = await ready(engine, reference);
  const outcome = await askContainer(engine, container, { name: 'pause' }, asker, oneOf('paused', 'pauseFailed'));
  throwFailure(outcome, `cannot pause container ${container.id}: `);
  if (outcome && !outcome.type.startsWith('container.pause')) throw new Refused('conflict', `container ${container.id} is not running`);
}

export async function unpauseContainer(engine: Engine, reference: string, asker: Asker): Promise<void> {
  const container = await ready(engine, reference);
  const outcome = await askContainer(engine, container, { name: 'unpause' }, asker, oneOf('unpaused', 'unpauseFailed'));
  throwFailure(outcome, `Cannot unpause container ${container.id}: `);
}

export async function renameContainer(engine: Engine, reference: string, to: string, asker: Asker): Promise<void> {
  if (reference === '' || to === '') throw new Refused('invalid', 'Neither old nor new names may be empty');
  const container = await ready(engine, reference);
  const name = to.replace(/^\//, '');
  const prefix = 'Error when allocating new name: ';
  const complaint = complaintAboutName(to);
  if (complaint !== null) throw new Refused('invalid', `${prefix}${complaint}`);
  const claimed = contextOf(container).name === name ? null : claimedOrRefused(engine, container.id, name, prefix);
  try {
    await ask(engine, 'container', container.id, { name: 'rename', to: name }, asker);
  } finally {
    claimed?.release();
  }
}

function claimedOrRefused(engine: Engine, id: string, name: string, prefix: string) {
  try {
    return claimName(engine, id, name);
  } catch (error) {
    throw error instanceof Refused ? new Refused(error.kind, `${prefix}${error.message}`) : error;
  }
}

export interface Removal {
  readonly force: boolean;
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
}

export async function removeContainer(engine: Engine, reference: string, { force, volumes }: Removal, asker: Asker): Promise<void> {
  const container = await ready(engine, reference);
  const settles = (fact: { type: string }) => fact.type === 'container.removed' || fact.type === 'container.removeFailed';
  throwFailure(await askContainer(engine, container, { name: 'remove', force, volumes }, asker, settles), `cannot remove container "${reference}": `);
}

/** That a client did something which changes nothing: for `docker events`. */
export async function noteOf(engine: Engine, container: Container, fact: Note, asker: Asker): Promise<void> {
  await ask(engine, 'container', container.id, { name: 'note', fact }, asker);
}

const running: ReadonlySet<string> = new Set(['running', 'signalling', 'pausing', 'paused', 'resuming', 'updating', 'stopping']);
export const isRunning = (container: Container): boolean => running.has(stateOf(container));

/** dockerd asks this of whatever needs a living process. */
export function requireRunning(container: Container): void {
  if (stateOf(container) === 'restarting') throw new Refused('conflict', `Container ${container.id} is restarting, wait until the container is running`);
  if (!isRunning(container)) throw new Refused('conflict', `container ${container.id} is not running`);
}

export async function resizeContainer(engine: Engine, reference: string, size: { height: number; width: number }, asker: Asker): Promise<void> {
  const container = await ready(engine, reference);
  requireRunning(container);
  await engine.world.runtime.resize(container.id, null, size);
  await noteOf(engine, container, { type: 'container.resized', data: size }, asker).catch(() => undefined);
}

export interface Update {
  readonly resources: Partial<Resources>;
  readonly restartPolicy: RestartPolicy | null;
}

/** moby: container/container_unix.go UpdateContainer */
function complaintAboutUpdate(container: Container, { resources, restartPolicy }: Update): string | null {
  const { hostConfig } = contextOf(container).spec;
  if (restartPolicy && restartPolicy.Name !== '' && restartPolicy.Name !== 'no' && hostConfig.AutoRemove) {
    return 'Restart policy cannot be updated because AutoRemove is enabled for the container';
  }
  if (resources.NanoCpus && hostConfig.CpuPeriod > 0) return 'Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set';
  if (resources.NanoCpus && hostConfig.CpuQuota > 0) return 'Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set';
  if ((resources.CpuPeriod || resources.CpuQuota) && hostConfig.NanoCpus > 0) {
    return `Conflicting options: CPU ${resources.CpuPeriod ? 'Period' : 'Quota'} cannot be updated as NanoCPUs has already been set`;
  }
  const { Memory = 0, MemorySwap = 0 } = resources;
  if (Memory > hostConfig.MemorySwap && hostConfig.MemorySwap > 0 && MemorySwap === 0) {
    return 'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
  }
  return null;
}

export async function updateContainer(engine: Engine, reference: string, update: Update, asker: Asker): Promise<{ warnings: string[] }> {
  const container = await ready(engine, reference);
  const { hostConfig } = contextOf(container).spec;
  const complaint = update.restartPolicy ? complaintAboutPolicy(update.restartPolicy) : null;
  if (complaint !== null) throw new Refused('invalid', complaint);
  const checked = checkedResources({ ...hostConfig, ...update.resources }, await machineOf(engine), true);
  if ('complaint' in checked) throw new Refused('invalid', checked.complaint);
  const conflict = complaintAboutUpdate(container, update);
  const prefix = `Cannot update container ${container.id}: `;
  if (conflict !== null) throw new Refused('failed', `${prefix}${conflict}`);
  const command = { name: 'update', resources: update.resources, restartPolicy: update.restartPolicy } as const;
  throwFailure(await askContainer(engine, container, command, asker, oneOf('updated', 'updateFailed')), prefix);
  return { warnings: [...checked.warnings] };
}

/** Bytes of a container's own layer, and with those of its image. */
export async function sizeOfContainer(engine: Engine, container: Container): Promise<{ readWrite: number; rootFs: number }> {
  const readWrite = await engine.world.runtime.usage(container.id);
  const image = get(engine.roster, 'image', contextOf(container).spec.image.id.replace('sha256:', ''));
  return { readWrite, rootFs: readWrite + (image ? viewOf(image).context.image.size : 0) };
}

export interface Pruned {
  readonly removed: string[];
  /** Bytes. */
  readonly reclaimed: number;
}

/** Removes what does not run and what `wanted` picks. */
export async function pruneContainers(engine: Engine, wanted: (container: Container) => boolean, asker: Asker): Promise<Pruned> {
  await engine.ready;
  const removed: string[] = [];
  let reclaimed = 0;
  for (const container of [...all(engine.roster, 'container')]) {
    if (!['created', 'exited', 'dead'].includes(stateOf(container)) || !wanted(container)) continue;
    try {
      const bytes = await engine.world.runtime.usage(container.id);
      await removeContainer(engine, container.id, { force: false, volumes: false }, asker);
      removed.push(container.id);
      reclaimed += bytes;
    } catch (error) {
      // Started or removed by somebody else meanwhile: then it is none of ours.
      if (!(error instanceof Refused)) throw error;
    }
  }
  return { removed, reclaimed };
}

