// container.ts: the effects of a container: each makes it so, and may be run again after a crash at any point of it
import { nanoseconds } from '../../events/time.ts';
import type { Context } from '../../machines/container/evolve.ts';
import { ask, tellHealth } from '../ask.ts';
import type { Effect, Work } from '../effect.ts';
import { all, get, viewOf } from '../roster.ts';
import { WorldFailure } from '../world.ts';
import { exitCodeOf, failureOf } from './failure.ts';
import { retried } from './retry.ts';
import { closeRun, openRun } from './run.ts';

type ContainerEffect = Effect<'container', Context>;

const prepare: ContainerEffect = async ({ engine, context }) => {
  try {
    const image = get(engine.roster, 'image', context.spec.image.id.replace('sha256:', ''));
    if (!image || viewOf(image).state !== 'present') throw new WorldFailure('imageMissing', `No such image: ${context.spec.image.reference}`);
    await engine.world.runtime.prepare(context.id, context.spec, viewOf(image).context.image);
    return { name: 'reportCreated' };
  } catch (error) {
    return { name: 'reportCreateFailed', failure: failureOf(error) };
  }
};

const ensureTask: ContainerEffect = async (work) => {
  try {
    const { pid, ports } = await openRun(work);
    return { name: 'reportStarted', pid, ports };
  } catch (error) {
    await closeRun(work).catch(() => undefined);
    return { name: 'reportStartFailed', failure: failureOf(error), exitCode: exitCodeOf(error) };
  }
};

const watchTask: ContainerEffect = async (work) => {
  const { engine, context, signal } = work;
  if (!work.entity.parts.has('health') && isProbed(context)) await tellHealth(engine, work.entity, { name: 'reportBegan' }, work.asker);
  const exit = await engine.world.runtime.exit(context.id, signal);
  if (!exit) return { name: 'reportLost', lastSeenAliveAt: engine.world.runtime.lastAlive() };
  return { name: 'reportExited', ...exit };
};

/** moby: daemon/health.go getProbe */
const isProbed = ({ spec }: Context) => {
  const test = spec.config.Healthcheck?.Test;
  return test !== undefined && test.length > 0 && test[0] !== 'NONE';
};

const terminal = new Set(['SIGKILL', 'SIGTERM']);

/** The signal that is next in line; to a frozen container a deadly one is delivered by thawing it. */
const deliverSignal: ContainerEffect = async (work) => {
  const [signal] = work.context.run.signals;
  return signal === undefined ? null : delivered(work, signal);
};

async function delivered({ engine, context, entity }: Work<'container', Context>, signal: string): ReturnType<ContainerEffect> {
  try {
    await engine.world.runtime.signal(context.id, signal);
    const thaw = entity.snapshot.value === 'paused' && (terminal.has(signal) || signal === context.spec.config.StopSignal);
    if (thaw) await engine.world.runtime.resume(context.id);
    return { name: 'reportKilled', signal, resumed: thaw };
  } catch (error) {
    return { name: 'reportSignalFailed', signal, failure: failureOf(error) };
  }
}

/** Asks the process to end, and makes it end when the time is up. */
const stopTask: ContainerEffect = async (work) => {
  const { engine, context, signal, report } = work;
  const { plan, sent, signals } = context.run;
  if (!plan) return null;
  for (const each of signals) await report((await delivered(work, each))!);
  if (!sent.includes(plan.signal)) await sendStop(work, plan.signal);
  if (plan.signal === 'SIGKILL' || sent.includes('SIGKILL') || plan.deadline === null) return null;
  await engine.world.clock.until(nanoseconds(plan.deadline) ?? 0n, signal).catch(() => undefined);
  if (!signal.aborted) await sendStop(work, 'SIGKILL');
  return null;
};

async function sendStop({ engine, context, report, signal: left }: Work<'container', Context>, signal: string): Promise<void> {
  const { runtime } = engine.world;
  // A frozen process would not see it; nothing comes between the signal and the word of it, which the end may overtake.
  await runtime.resume(context.id).catch(() => undefined);
  await retried(engine, left, () => runtime.signal(context.id, signal));
  if (left.aborted) return;
  await report({ name: 'reportKilled', signal, resumed: false });
}

const releaseRun: ContainerEffect = async (work) => {
  await retried(work.engine, work.signal, () => closeRun(work));
  return { name: 'reportReleased' };
};

const awaitRestart: ContainerEffect = async ({ engine, context, signal }) => {
  await engine.world.clock.until(nanoseconds(context.run.restartAt) ?? 0n, signal).catch(() => undefined);
  return { name: 'reportBackoffOver' };
};

const pauseTask: ContainerEffect = async ({ engine, context }) => {
  try {
    await engine.world.runtime.pause(context.id);
    return { name: 'reportPaused' };
  } catch (error) {
    return { name: 'reportPauseFailed', failure: failureOf(error) };
  }
};

const resumeTask: ContainerEffect = async ({ engine, context }) => {
  try {
    await engine.world.runtime.resume(context.id);
    return { name: 'reportUnpaused' };
  } catch (error) {
    return { name: 'reportUnpauseFailed', failure: failureOf(error) };
  }
};

const updateTask: ContainerEffect = async ({ engine, context }) => {
  try {
    await engine.world.runtime.update(context.id, context.spec.hostConfig);
    return { name: 'reportUpdated' };
  } catch (error) {
    return { name: 'reportUpdateFailed', failure: failureOf(error) };
  }
};

/** What others see of the container goes first: its address and ports; the rest is swept once it is told to be removed. */
const removeRun: ContainerEffect = async (work) => {
  try {
    await closeRun(work, { keepTask: true });
    return { name: 'reportRemoved' };
  } catch (error) {
    return { name: 'reportRemoveFailed', failure: failureOf(error) };
  }
};

const sweep: ContainerEffect = async ({ engine, context, signal, asker }) => {
  await retried(engine, signal, async () => {
    await engine.world.runtime.remove(context.id);
    await engine.world.stdio.remove(context.id);
  });
  if (context.removeVolumes) {
    for (const mount of context.spec.mounts) {
      if (!mount.anonymous || mount.name === undefined) continue;
      await ask(engine, 'volume', mount.name, { name: 'remove', force: true, usedBy: usersOf(engine, mount.name) }, asker).catch(() => undefined);
    }
  }
  return { name: 'reportSwept' };
};

/** Containers that exist and mount it: others may have borrowed it by `--volumes-from`. */
const usersOf = (engine: Work['engine'], volume: string): string[] =>
  [...all(engine.roster, 'container')].filter((container) => viewOf(container).context.spec.mounts.some(({ name }) => name === volume)).map(({ id }) => id);

export const containerEffects = {
  prepare, ensureTask, watchTask, deliverSignal, stopTask, releaseRun, awaitRestart, pauseTask, resumeTask, updateTask, removeRun, sweep,
};
