// exec.ts: what clients ask of commands executed inside running containers
import type { Duplex } from 'node:stream';
import type { ExecSpec } from '../../events/exec.ts';
import type { Views } from '../../machines/index.ts';
import { askPart } from '../ask.ts';
import type { Engine, Listener } from '../engine.ts';
import { awaitExecStream, takeExecClient } from '../exec-clients.ts';
import { Refused } from '../refused.ts';
import { partView, type Entity, type Part, type Roster } from '../roster.ts';
import type { Asker } from '../turn.ts';
import { WorldFailure } from '../world.ts';
import { requireRunning } from './container.ts';
import { findContainer, stateOf, type Container } from './find-container.ts';
import { refusedBy } from './outcome.ts';

export interface FoundExec {
  readonly container: Container;
  readonly view: Views['exec'];
}

export function findExec(roster: Roster, id: string): FoundExec {
  const container = roster.execs.get(id);
  const part = container?.parts.get(`exec/${id}`);
  if (!container || !part) throw new Refused('notFound', `No such exec instance: ${id}`);
  return { container, view: partView(part as Part<'exec'>) };
}

/** moby: daemon/exec.go getActiveContainer */
function requireActive(container: Container): void {
  requireRunning(container);
  if (stateOf(container) === 'paused') throw new Refused('conflict', `Container ${container.id} is paused, unpause the container before exec`);
}

export async function createExec(engine: Engine, reference: string, spec: ExecSpec, asker: Asker): Promise<string> {
  await engine.ready;
  const container = findContainer(engine.roster, reference);
  requireActive(container);
  const id = engine.world.random.hex(32);
  await askPart(engine, container, 'exec', id, { name: 'create', id, spec }, asker);
  return id;
}

/** Refuses at once what cannot be started; the start itself comes when the client is connected. */
export async function startableExec(engine: Engine, id: string): Promise<FoundExec> {
  await engine.ready;
  const found = findExec(engine.roster, id);
  requireActive(found.container);
  return found;
}

/** Resolves with its stream once it was started, null when nobody wanted one; throws what hinders it. */
export async function startExec(engine: Engine, id: string, detach: boolean, asker: Asker): Promise<Duplex | null> {
  const { container, view } = findExec(engine.roster, id);
  if (view.state !== 'created') await askPart(engine, container, 'exec', id, { name: 'start', detach }, asker);
  const started = awaitExecStream(id);
  started.catch(() => undefined);
  try {
    await askPart(engine, container, 'exec', id, { name: 'start', detach }, asker);
  } catch (error) {
    takeExecClient(id);
    throw error;
  }
  try {
    return await started;
  } catch (error) {
    throw error instanceof WorldFailure ? refusedBy(error.failure) : error;
  }
}

export async function detachExec(engine: Engine, id: string, asker: Asker): Promise<void> {
  const container = engine.roster.execs.get(id);
  if (container) await askPart(engine, container as Entity, 'exec', id, { name: 'detach' }, asker);
}

/** moby: daemon/resize.go ContainerExecResize */
const patienceNanos = 10_000_000_000n;

export async function resizeExec(engine: Engine, id: string, size: { height: number; width: number }): Promise<void> {
  await engine.ready;
  const { container } = findExec(engine.roster, id);
  if (!(await isStarted(engine, container, id))) throw new Refused('invalid', 'exec process is not started');
  await engine.world.runtime.resize(container.id, id, size);
}

/** A client asks for a size while the exec is being started: that is waited for. */
async function isStarted(engine: Engine, container: Container, id: string): Promise<boolean> {
  const tooLong = new AbortController();
  const { clock } = engine.world;
  const patience = clock.until(clock.now() + patienceNanos, tooLong.signal).catch(() => undefined);
  await Promise.race([settled(engine, container, () => !['created', 'starting'].includes(stateOfExec(engine, id))), patience]);
  tooLong.abort();
  return stateOfExec(engine, id) === 'running';
}

const stateOfExec = (engine: Engine, id: string): string => (engine.roster.execs.has(id) ? findExec(engine.roster, id).view.state : 'gone');

/** Resolves when it has ended, and at once when it is not there any more. */
export async function execEnded(engine: Engine, id: string): Promise<void> {
  const container = engine.roster.execs.get(id);
  if (container) await settled(engine, container, () => ['ended', 'gone'].includes(stateOfExec(engine, id)));
}

/** Looks again at each fact of the container. */
function settled(engine: Engine, container: Container, is: () => boolean): Promise<void> {
  if (is()) return Promise.resolve();
  return new Promise((resolve) => {
    const listener: Listener = (fact) => {
      if (fact.stream !== container.stream || !is()) return;
      engine.listeners.delete(listener);
      resolve();
    };
    engine.listeners.add(listener);
  });
}
