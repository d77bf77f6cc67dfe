// progress-stream.ts: the progress of long work, a line of JSON at a time; its end tells whether it went well
import type { Progress } from '../../actors/world.ts';
import { stream, type Answer } from './route.ts';
import { noOf } from './status.ts';

/** Lines that nobody has read yet; beyond these a newer figure takes the place of an older one of the same layer. */
const mostWaiting = 1000;

const sentence = (error: unknown): string => noOf(error)?.message ?? (error instanceof Error ? error.message : String(error));
const written = (line: object): string => `${JSON.stringify(line)}\r\n`;

/**
 * Answers when the work has said something, or is over. A failure before that is an ordinary refusal, later it is the last line:
 * then the status went out long ago.
 */
export async function progressing(work: (report: (line: Progress | object) => void) => Promise<void>): Promise<Answer> {
  const lines: object[] = [];
  let wake: () => void = () => undefined;
  let over = false;
  let failure: unknown = null;
  const told = () => new Promise<void>((resolve) => (lines.length > 0 || over ? resolve() : (wake = resolve)));
  const report = (line: Progress | object): void => {
    const { id, progressDetail } = line as Progress;
    const older = lines.length >= mostWaiting && progressDetail ? lines.findLastIndex((each) => (each as Progress).id === id) : -1;
    if (older === -1) lines.push(line);
    else lines[older] = line;
    wake();
  };
  void work(report).catch((error: unknown) => (failure = error ?? new Error('failed'))).finally(() => {
    over = true;
    wake();
  });
  await told();
  if (failure !== null && lines.length === 0) throw failure;
  return stream('application/json', (async function* () {
    for (;;) {
      await told();
      if (lines.length > 0) yield lines.splice(0).map(written).join('');
      else break;
    }
    if (failure !== null) yield written({ errorDetail: { message: sentence(failure) }, error: sentence(failure) });
  })());
}
