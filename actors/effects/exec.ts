// exec.ts: the effects of a command executed inside a container
import { nanoseconds } from '../../events/time.ts';
import type { Context } from '../../machines/exec/chart.ts';
import type { Effect } from '../effect.ts';
import { takeExecClient } from '../exec-clients.ts';
import { viewOf, type Entity } from '../roster.ts';
import { exitCodeOf, failureOf } from './failure.ts';

/** moby: daemon/exec.go: ended execs are forgotten after five minutes. */
const rememberedNanos = 300_000_000_000n;
const unseenExitCode = 255;

/** An attached exec whose client is gone with the daemon that it was connected to is not started any more. */
const ensureExec: Effect<'exec', Context> = async ({ engine, entity, context, report }) => {
  const { id, spec } = context;
  const attached = spec.attachStdin || spec.attachStdout || spec.attachStderr;
  const client = takeExecClient(id);
  if (attached && !client) return { name: 'reportStartFailed', exitCode: unseenExitCode, message: 'the client is gone' };
  try {
    const started = await engine.world.runtime.execs.start(entity.id, id, spec, viewOf(entity as Entity<'container'>).context.spec);
    client?.connect(started.stream);
    return { name: 'reportStarted', pid: started.pid };
  } catch (error) {
    // The client asks for the exit code as soon as its stream ends: it has to be there by then.
    await report({ name: 'reportStartFailed', exitCode: exitCodeOf(error), message: failureOf(error).message });
    client?.fail(error);
    return null;
  }
};

const watchExec: Effect<'exec', Context> = async ({ engine, entity, context, signal }) => {
  const exit = await engine.world.runtime.execs.exit(entity.id, context.id, signal);
  return { name: 'reportExited', exitCode: exit ? exit.exitCode : unseenExitCode };
};

const forgetExec: Effect<'exec', Context> = async ({ engine, entity, context, signal }) => {
  const ended = nanoseconds(context.endedAt) ?? engine.world.clock.now();
  await engine.world.runtime.execs.remove(entity.id, context.id);
  await engine.world.clock.until(ended + rememberedNanos, signal).catch(() => undefined);
  return { name: 'reportForgotten' };
};

export const execEffects = { ensureExec, watchExec, forgetExec };
