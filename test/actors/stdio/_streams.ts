// _streams.ts: plain processes in the place of containerd's shim, and what is read of them
import test, { type ExecutionContext } from 'ava';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { ContainerSpec } from '../../../events/spec.ts';
import type { Fifos, LogLine, LogQuery, Stdio } from '../../../actors/world.ts';
import { type House, openHouse } from './_house.ts';

export { type House, openHouse, specWith } from './_house.ts';

/** A house of the test's own. */
export async function house(t: ExecutionContext): Promise<House> {
  const dock = await openHouse();
  t.teardown(() => dock.close());
  return dock;
}

/** One keeper for all tests of a file, as it is one for all containers of a daemon. */
export function sharedHouse(): () => Promise<House> {
  const dock = openHouse();
  test.after.always('the keeper ends', async () => (await dock).close());
  return () => dock;
}

export const newId = (): string => randomBytes(32).toString('hex');

/** Runs a script with OUT and ERR as descriptors 3 and 4, opened for reading and writing as a shim does. */
export function shim(t: ExecutionContext, fifos: Fifos, script: string): ChildProcess {
  const opened = `exec 3<>'${fifos.stdout}'${fifos.stderr ? ` 4<>'${fifos.stderr}'` : ''}`;
  const child = spawn('sh', ['-c', `${opened}; ${script}`], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  t.teardown(() => killGroup(child));
  return child;
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // Ended by itself.
  }
}

export async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

export const all: LogQuery = { stdout: true, stderr: true, since: null, until: null, tail: null, follow: false };

export async function readAll(stdio: Stdio, id: string, spec: ContainerSpec, query: Partial<LogQuery> = {}): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const batch of stdio.logs(id, spec, { ...all, ...query }, new AbortController().signal)) lines.push(...batch);
  return lines;
}

export const textOf = (lines: readonly LogLine[]): string => lines.map(({ line }) => line.toString()).join('');

export async function bytesOf(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Undoes Docker's frames. */
export function unframed(bytes: Buffer): { stdout: string; stderr: string } {
  const streams = ['', '', ''];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    streams[bytes[at]!] += bytes.toString('latin1', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return { stdout: streams[1]!, stderr: streams[2]! };
}

export async function until(holds: () => boolean | Promise<boolean>, patienceMs = 60_000): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await holds()); ) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A run from beginning to end. */
export async function run(t: ExecutionContext, { stdio }: House, id: string, spec: ContainerSpec, script: string): Promise<void> {
  const fifos = await stdio.open(id, 'web', spec);
  await exited(shim(t, fifos, script));
  await stdio.drained(id);
}

export const fileLines = (path: string): { log: string; stream: string; time: string; attrs?: Record<string, string> }[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { log: string; stream: string; time: string });
