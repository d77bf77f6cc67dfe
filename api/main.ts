// main.ts: where everything begins: the command line, the environment, the signals
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isCommand, runCommand, type Terminal } from './cli/commands.ts';
import { UsageError } from './flag-syntax.ts';
import { readOptions, usage, type Options } from './flags.ts';
import { greeting } from './greeting.ts';
import { runDaemon, type Running } from './run.ts';

const house = dirname(import.meta.dirname);
const { version } = JSON.parse(readFileSync(`${house}/package.json`, 'utf8')) as { version: string };
const say = (text: string) => process.stdout.write(text);
const complain = (text: string) => process.stderr.write(text);

/** As dockerd ends when its command line is wrong. */
const usageCode = 125;
/** The third one ends the daemon at once, whatever is under way. */
const forcingSignals = 3;

function readFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function listenToSignals(running: Running): void {
  let asked = 0;
  const end = (signal: NodeJS.Signals) => {
    asked += 1;
    if (asked === forcingSignals) {
      complain('Forcing daemon shutdown without cleanup\n');
      process.exit(1);
    }
    void running.stop(signal).then(
      () => process.exit(0),
      (error: unknown) => {
        complain(`the shutdown failed: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('SIGHUP', () => undefined);
  process.on('SIGUSR1', () => running.dump());
  // The daemon outlives a defect in one part of it: the containers and the other clients are not to suffer.
  process.on('uncaughtException', (error) => running.fault(error.stack ?? error.message));
  process.on('unhandledRejection', (reason) => running.fault(reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)));
}

async function daemon(options: Options): Promise<void> {
  process.title = 'tallyd';
  // Nobody reads any more what the daemon says of itself: no reason to end.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', () => undefined);
  await runDaemon(options, {
    pid: process.pid, ageMs: performance.now(), version, house, environment: process.env, write: complain, onRunning: listenToSignals,
  });
  if (process.stdout.isTTY || process.env['npm_lifecycle_event'] === 'start') say(greeting(options));
}

/** Gives the exit code. */
async function command(name: string, words: readonly string[]): Promise<number> {
  const end = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort());
  // Nobody reads on, as in `tallyd log | head`: that is its end, and no failure.
  process.stdout.on('error', () => process.exit(0));
  const write: Terminal['write'] = (text) => {
    if (!process.stdout.write(text)) return new Promise((resolve) => process.stdout.once('drain', resolve));
  };
  return runCommand(name, words, { write, complain, signal: end.signal, house, version });
}

async function main(words: readonly string[]): Promise<void> {
  if (isCommand(words[0])) {
    process.exitCode = await command(words[0], words.slice(1));
    return;
  }
  const reading = readOptions(words, readFile);
  if (reading.ask === 'version') say(`tallyd version ${version}, build source\n`);
  else if (reading.ask === 'help') say(usage());
  else if (reading.ask === 'validate') complain('configuration OK\n');
  else if (reading.ask === 'run') await daemon(reading.options);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    complain(`${error.message}\nSee 'tallyd --help'.\n`);
    process.exit(usageCode);
  }
  complain(`failed to start daemon: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
