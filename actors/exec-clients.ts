// exec-clients.ts: where the client that asked for an exec and the effect that starts it meet
import type { Duplex } from 'node:stream';

interface ExecClient {
  connect(stream: Duplex | null): void;
  fail(error: unknown): void;
}
const waiting = new Map<string, ExecClient>();

/** To be called before the start is asked for: resolves with the exec's stream when it is started. */
export const awaitExecStream = (execId: string): Promise<Duplex | null> =>
  new Promise((connect, fail) => waiting.set(execId, { connect, fail }));

export function takeExecClient(execId: string): ExecClient | undefined {
  const client = waiting.get(execId);
  waiting.delete(execId);
  return client;
}
