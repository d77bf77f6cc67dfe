// process.ts: what a simulated container's command does: it prints, sleeps, ends or waits for a signal
import { signalNumber } from '../../../events/signal.ts';
import type { ContainerSpec } from '../../../events/spec.ts';

export interface Script {
  readonly output: string;
  /** Nanoseconds until it ends by itself; null: it does not. */
  readonly lasts: bigint | null;
  readonly exitCode: number;
}

const second = 1_000_000_000n;
const known: Readonly<Record<string, (args: readonly string[]) => Script>> = {
  true: () => ({ output: '', lasts: 0n, exitCode: 0 }),
  false: () => ({ output: '', lasts: 0n, exitCode: 1 }),
  echo: (args) => ({ output: `${args.join(' ')}\n`, lasts: 0n, exitCode: 0 }),
  sleep: ([text = '0']) => ({ output: '', lasts: text === 'infinity' ? null : BigInt(Math.round(Number.parseFloat(text) * 1000)) * 1_000_000n, exitCode: 0 }),
  exit: ([code = '0']) => ({ output: '', lasts: 0n, exitCode: Number(code) }),
  crash: ([code = '1']) => ({ output: '', lasts: second, exitCode: Number(code) }),
  top: () => ({ output: '', lasts: null, exitCode: 0 }),
  cat: () => ({ output: '', lasts: null, exitCode: 0 }),
  sh: (args) => (args[0] === '-c' && args[1] !== undefined ? shell(args[1]) : { output: '', lasts: null, exitCode: 0 }),
};

/** `sleep 1; echo done; exit 3`: one simple command after the other. */
function shell(text: string): Script {
  return text
    .split(/;|&&/)
    .map((part) => script(part.trim().split(/\s+/)) ?? { output: '', lasts: 0n, exitCode: 127 })
    .reduce((before, after) => ({
      output: before.output + after.output,
      lasts: before.lasts === null || after.lasts === null ? null : before.lasts + after.lasts,
      exitCode: after.exitCode,
    }));
}

/** Null: there is no such command. */
export function script(command: readonly string[]): Script | null {
  const [name = '', ...args] = command;
  return known[name.split('/').at(-1)!]?.(args) ?? null;
}

export const commandOf = ({ config }: ContainerSpec): string[] => [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];

/** Signals that a process without handlers survives. */
const ignored = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']);
export const deadly = (signal: string): boolean => !ignored.has(signal);
export const exitCodeOf = (signal: string): number => 128 + (signalNumber(signal) ?? 0);
