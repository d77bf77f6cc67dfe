// failure.ts: what runc's and the shim's error texts mean; their gRPC code is UNKNOWN for all of them
import type { Failure } from '../../events/failure.ts';
import { ContainerdFailure, isDown } from '../containerd/client.ts';
import { WorldFailure } from '../world.ts';

interface Meaning {
  readonly text: RegExp;
  readonly reason: Failure['reason'];
  /** What `docker run` exits with. */
  readonly exitCode: number;
  readonly hint?: string;
}

/** The first that fits. Numbers: moby daemon/errors.go, setExitCodeFromError. */
const meanings: readonly Meaning[] = [
  { text: /no space left on device/, reason: 'diskFull', exitCode: 128 },
  { text: /mount.*: not a directory|: not a directory.*mount/, reason: 'invalid', exitCode: 127,
    hint: ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type' },
  { text: /error mounting "([^"]*)".*no such file or directory/, reason: 'mountSourceMissing', exitCode: 127 },
  { text: /exec: ".*": permission denied|exec: ".*": is a directory/, reason: 'commandNotExecutable', exitCode: 126 },
  { text: /exec format error/, reason: 'commandNotExecutable', exitCode: 126 },
  { text: /exec: ".*": (executable file not found|stat .*no such file|no such file)|executable file not found/, reason: 'commandNotFound', exitCode: 127 },
  { text: /no such file or directory/, reason: 'commandNotFound', exitCode: 127 },
  { text: /permission denied/, reason: 'commandNotExecutable', exitCode: 126 },
];

/** `doing`: `failed to create task for container`, as moby words it; empty for an exec, of which the shim says as much itself. */
export function runFailure(doing: string, error: unknown): unknown {
  if (!(error instanceof ContainerdFailure) || isDown(error)) return error;
  const message = doing ? `${doing}: ${error.message}` : error.message;
  const meaning = meanings.find(({ text }) => text.test(error.message));
  if (!meaning) return new WorldFailure(error.failure.reason, message);
  return new WorldFailure(meaning.reason, `${message}${meaning.hint ?? ''}`, meaning.exitCode);
}
