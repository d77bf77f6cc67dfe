// commit.ts: an image made of a container (moby: daemon/commit.go)
import type { ContainerConfig } from '../../events/spec.ts';
import type { ImageConfig } from '../../events/image.ts';
import { mergedWithImage } from '../../machines/container/merge.ts';
import { filledConfig } from '../../machines/container/defaults.ts';
import type { Engine } from '../engine.ts';
import { Refused } from '../refused.ts';
import { familiarName, withDefaultTag, type Reference } from '../registry/reference.ts';
import { get, viewOf } from '../roster.ts';
import type { Asker } from '../turn.ts';
import { changedConfig } from './config-changes.ts';
import { noteOf, pauseContainer, unpauseContainer } from './container.ts';
import { contextOf, findContainer, stateOf, type Container } from './find-container.ts';
import { addImage, tagImage } from './image.ts';

export interface CommitRequest {
  readonly reference: Reference | null;
  readonly comment: string;
  readonly author: string;
  /** Hold the container still meanwhile, when it runs. */
  readonly pause: boolean;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  readonly config: Partial<ContainerConfig>;
}

/** What an image keeps of a container's config: not what belongs to the one run. */
function keptOf(config: ContainerConfig): ImageConfig['config'] {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, Healthcheck, Shell, OnBuild } = config;
  return { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, Healthcheck, Shell, OnBuild };
}

/** Gives the new image's id. */
export async function commitContainer(engine: Engine, reference: string, request: CommitRequest, asker: Asker): Promise<string> {
  await engine.ready;
  const container = findContainer(engine.roster, reference);
  if (['dead', 'removing', 'sweeping'].includes(stateOf(container))) {
    throw new Refused('conflict', `You cannot commit container ${container.id} which is ${stateOf(container) === 'dead' ? 'Dead' : 'being removed'}`);
  }
  const { spec } = contextOf(container);
  const parent = get(engine.roster, 'image', spec.image.id.replace('sha256:', ''));
  if (!parent) throw new Refused('notFound', `No such image: ${spec.image.reference}`);
  const changed = changedConfig(request.config as NonNullable<ImageConfig['config']>, request.changes);
  const config = keptOf(mergedWithImage(filledConfig(changed as Partial<ContainerConfig>), keptOf(spec.config)!));
  const { os, architecture, variant } = spec.platform;
  const wanted = { os, architecture, ...(variant ? { variant } : {}), author: request.author, comment: request.comment, container: container.id, config };
  const image = await heldStill(engine, container, request.pause, asker, () => engine.world.images.commit(container.id, viewOf(parent).context.image, wanted));
  const named = request.reference && withDefaultTag(request.reference);
  const added = await addImage(engine, { image, how: 'created', displayName: image.id, digest: '', references: [] }, asker);
  if (named) await tagImage(engine, added, named, asker);
  const data = { comment: request.comment, imageID: image.id, imageRef: named ? familiarName(named) : '' };
  await noteOf(engine, container, { type: 'container.committed', data }, asker);
  return image.id;
}

async function heldStill<T>(engine: Engine, container: Container, pause: boolean, asker: Asker, work: () => Promise<T>): Promise<T> {
  if (!pause || stateOf(container) !== 'running') return work();
  await pauseContainer(engine, container.id, asker);
  try {
    return await work();
  } finally {
    // It may have ended, or been thawed by somebody else.
    await unpauseContainer(engine, container.id, asker).catch(() => undefined);
  }
}
