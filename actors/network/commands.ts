// commands.ts: the one place where programs of iproute2, iptables and util-linux are run
import { spawn } from 'node:child_process';
import { WorldFailure } from '../world.ts';

/** At once; more would only wait for the kernel's own lock on its network tables. */
const limit = 8;
/** Milliseconds after which a command is taken for stuck; a busy machine needs two seconds at worst. */
const patience = 60_000;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a program, gives what it printed. Fails with what it had to say on its standard error. */
export async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await execute(command, args, input);
  } finally {
    // The slot is handed over, not freed: who comes new must not overtake.
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

function execute(command: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // LC_ALL: messages are compared nowhere, but they reach the user. PATH may lack sbin for a daemon started by hand.
    const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` };
    const child = spawn(command, args, { stdio: 'pipe', env, timeout: patience, killSignal: 'SIGKILL' });
    const failed = (why: string) => reject(new WorldFailure('other', `${command} ${args.join(' ')}: ${why}`));
    const printed = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text));
    child.on('error', (error: NodeJS.ErrnoException) => failed(error.code === 'ENOENT' ? 'not installed' : error.message));
    child.on('close', (code, signal) => (code === 0 ? resolve(printed.stdout) : failed(printed.stderr.trim() || `ended with ${signal ?? code}`)));
    // A program that fails early closes its input: its exit code tells, not EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** One `ip` for many changes; it stops at the first that fails. */
export async function ip(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}

/** The same, within a network namespace. */
export async function ipWithin(namespace: string, lines: readonly string[]): Promise<void> {
  await run('nsenter', [`--net=${namespace}`, 'ip', '-batch', '-'], `${lines.join('\n')}\n`);
}

/** One `ip` that deletes links; those that are gone already are no failure. */
export async function deleteLinks(links: readonly string[]): Promise<void> {
  const commands = links.map((link) => `link del dev ${link}\n`).join('');
  if (commands) await run('ip', ['-force', '-batch', '-'], commands).catch(() => undefined);
}
