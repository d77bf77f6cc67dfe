// volume.ts: what clients ask of volumes
import type { Recorded } from '../../events/fact.ts';
import type { VolumeRecord } from '../../events/volume.ts';
import { complaintAboutVolumeName } from '../../machines/volume/name.ts';
import { ask, askUntil } from '../ask.ts';
import type { Engine } from '../engine.ts';
import { Refused } from '../refused.ts';
import { all, get, viewOf, type Entity } from '../roster.ts';
import type { Asker } from '../turn.ts';
import { throwFailure } from './outcome.ts';

export interface VolumeRequest {
  /** Empty: an anonymous one. */
  readonly name: string;
  readonly driver: string;
  readonly options: Record<string, string>;
  readonly labels: Record<string, string>;
}

export const existingVolume = (engine: Engine, name: string): Entity<'volume'> | undefined => {
  const entity = get(engine.roster, 'volume', name);
  return entity && !['absent', 'creating'].includes(entity.snapshot.value) ? entity : undefined;
};

/** moby: volume/local label of volumes that were made without a name */
const anonymousLabel = 'com.docker.volume.anonymous';

/** Makes it, or finds the one of that name. */
export async function createVolume(engine: Engine, request: VolumeRequest, asker: Asker): Promise<VolumeRecord> {
  await engine.ready;
  const anonymous = request.name === '';
  const name = anonymous ? engine.world.random.hex(32) : request.name;
  const complaint = complaintAboutVolumeName(name);
  if (complaint !== null) throw new Refused('invalid', complaint);
  if (request.driver !== '' && request.driver !== 'local') {
    throw new Refused('notFound', `error looking up volume plugin ${request.driver}: plugin "${request.driver}" not found`);
  }
  const known = existingVolume(engine, name);
  if (known) return viewOf(known).context.volume;
  const volume: VolumeRecord = {
    name, driver: 'local', options: request.options, labels: anonymous ? { [anonymousLabel]: '', ...request.labels } : request.labels, anonymous,
  };
  const outcome = await askUntil(engine, 'volume', name, { name: 'create', volume }, asker, ['volume.created', 'volume.createFailed']);
  throwFailure(outcome);
  const made = get(engine.roster, 'volume', name);
  return made ? viewOf(made).context.volume : volume;
}

/** Ids of the containers, running or not, that name it. */
export function usersOf(engine: Engine, name: string): string[] {
  const users: string[] = [];
  for (const container of all(engine.roster, 'container')) {
    if (viewOf(container).context.spec.mounts.some((mount) => mount.name === name)) users.push(container.id);
  }
  return users;
}

export async function removeVolume(engine: Engine, name: string, force: boolean, asker: Asker): Promise<void> {
  await engine.ready;
  if (!existingVolume(engine, name)) {
    if (force) return;
    throw new Refused('notFound', `get ${name}: no such volume`);
  }
  throwFailure(await removal(engine, name, force, usersOf(engine, name), asker));
}

const removal = (engine: Engine, name: string, force: boolean, usedBy: string[], asker: Asker): Promise<Recorded | null> =>
  askUntil(engine, 'volume', name, { name: 'remove', force, usedBy }, asker, ['volume.removed', 'volume.removeFailed']);

/** Removes those that nobody uses and that `wanted` picks; gives their names and the bytes that were freed. */
export async function pruneVolumes(engine: Engine, wanted: (volume: VolumeRecord) => boolean, asker: Asker): Promise<{ removed: string[]; reclaimed: number }> {
  await engine.ready;
  const removed: string[] = [];
  let reclaimed = 0;
  for (const entity of [...all(engine.roster, 'volume')]) {
    const { volume } = viewOf(entity).context;
    if (!wanted(volume) || usersOf(engine, volume.name).length > 0) continue;
    const bytes = await engine.world.volumes.usage(volume).catch(() => 0);
    const outcome = await removal(engine, volume.name, false, [], asker).catch(() => null);
    if (outcome?.type !== 'volume.removed') continue;
    removed.push(volume.name);
    reclaimed += bytes;
  }
  return { removed, reclaimed };
}

/** A volume that was made for a creation which then failed. */
export const dropVolume = (engine: Engine, name: string, asker: Asker): Promise<unknown> =>
  ask(engine, 'volume', name, { name: 'remove', force: true, usedBy: usersOf(engine, name) }, asker).catch(() => undefined);
