// commands.ts: what tallyd does beside running the daemon; each is loaded when it is asked for
import { Refused } from '../../actors/refused.ts';
import { UsageError } from '../flag-syntax.ts';

/** Where a command was given. */
export interface Terminal {
  /** Resolves when the reader has taken enough to be told more. */
  write(text: string): Promise<void> | void;
  complain(text: string): void;
  /** Aborted when the command is to end. */
  readonly signal: AbortSignal;
  /** The folder that the daemon's own files are in. */
  readonly house: string;
  readonly version: string;
}

/** Gives the exit code. */
export type Command = (words: readonly string[], terminal: Terminal) => Promise<number>;

interface Entry {
  readonly does: string;
  readonly load: () => Promise<Command>;
}

const commands: Readonly<Record<string, Entry>> = {
  charts: { does: 'prints the state machines', load: async () => (await import('./charts.ts')).charts },
  log: { does: 'prints what happened, one fact a line; log copy FROM TO moves a history', load: async () => (await import('./log.ts')).log },
  why: { does: 'tells what led to the state of a container', load: async () => (await import('./why.ts')).why },
  diff: { does: 'tells what changed between two moments', load: async () => (await import('./diff.ts')).diff },
  replay: { does: 'serves the Docker API, read-only, as it was at a moment', load: async () => (await import('./replay.ts')).replay },
  restore: { does: 'tells what a restart at a position would do', load: async () => (await import('./restore.ts')).restore },
  verify: { does: 'looks through the whole log for damage', load: async () => (await import('./verify.ts')).verify },
  backup: { does: 'copies the log while it is in use', load: async () => (await import('./backup.ts')).backup },
};

/** A line each, for the daemon's own help. */
export const commandLines = (): string[] => Object.entries(commands).map(([name, { does }]) => `  ${name.padEnd(10)}${does}`);

export const isCommand = (word: string | undefined): word is string => word !== undefined && Object.hasOwn(commands, word);

/** What cannot be done is told in a sentence; wrong words are thrown as `UsageError`. */
export async function runCommand(name: string, words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const command = await commands[name]!.load();
    return await command(words, terminal);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof Refused && error.kind === 'invalid') throw new UsageError(error.message);
    terminal.complain(`tallyd ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
