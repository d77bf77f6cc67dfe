// wait.ts: waiting for a container to end or to go
import type { Engine, Listener } from '../engine.ts';
import type { Recorded } from '../../events/fact.ts';
import type { Failure } from '../../events/failure.ts';
import { isGone } from '../roster.ts';
import { lastExit } from './ask-container.ts';
import { stateOf, type Container } from './find-container.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';
export const waitConditions: readonly WaitCondition[] = ['not-running', 'next-exit', 'removed'];

export interface Waited {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}

/** As for dockerd's lock: whoever asks while it starts learns how that went. */
const atWork: ReadonlySet<string> = new Set([
  'starting', 'running', 'signalling', 'pausing', 'paused', 'resuming', 'updating', 'stopping', 'releasing', 'restarting',
]);

const settling: Readonly<Record<WaitCondition, ReadonlySet<string>>> = {
  'not-running': new Set(['container.released', 'container.startFailed', 'container.removed', 'container.restartCancelled']),
  'next-exit': new Set(['container.released', 'container.removed']),
  removed: new Set(['container.removed', 'container.removeFailed']),
};

/** That a container went is good news, whatever was the matter with it. */
function told(container: Container, { type, data }: Recorded): Waited {
  const { StatusCode } = lastExit(container);
  if (type === 'container.removed') return { StatusCode };
  return type === 'container.removeFailed' ? { StatusCode, Error: { Message: (data as Failure).message } } : lastExit(container);
}

/** Null when the client gave up. moby: container/state.go Wait */
export function waitFor(engine: Engine, container: Container, condition: WaitCondition, signal: AbortSignal): Promise<Waited | null> {
  if (condition === 'not-running' && !atWork.has(stateOf(container))) return Promise.resolve(lastExit(container));
  if (condition === 'removed' && isGone(container.snapshot)) return Promise.resolve({ StatusCode: lastExit(container).StatusCode });
  return new Promise((resolve) => {
    const settle = (waited: Waited | null) => {
      engine.listeners.delete(listener);
      signal.removeEventListener('abort', giveUp);
      resolve(waited);
    };
    const giveUp = () => settle(null);
    const listener: Listener = (fact) => {
      if (fact.stream !== container.stream || !settling[condition].has(fact.type)) return;
      settle(told(container, fact));
    };
    engine.listeners.add(listener);
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) giveUp();
  });
}
