// keeper-start.ts: starts a keeper and waits until it answers
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Socket } from 'node:net';

const entry = fileURLToPath(new URL('keeper.ts', import.meta.url));

/** A small young generation: it makes little garbage, and memory that it does not need is not taken. */
const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1', '--max-old-space-size=256'];

const patienceMs = 60_000;
const pollMs = 10;

/** Its own session, no terminal, no working folder: nothing that ends this daemon reaches it. */
export async function startKeeper(folder: string, connect: () => Promise<Socket>): Promise<Socket> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await loadCode(folder);
  const keeper = run(folder, [folder]);
  let ended = false;
  keeper.once('exit', () => void (ended = true));
  keeper.once('error', () => void (ended = true));
  keeper.unref();
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; ) {
    const socket = await connect().catch(() => null);
    if (socket) return socket;
    // It ends by itself when another one was quicker, which then answers.
    if (ended) return connect();
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`the keeper did not answer at ${folder}/socket; see ${folder}/log`);
}

/** Stripping the types takes 20 MiB that a process never gives back: done once by another one, for Node's compile cache. */
async function loadCode(folder: string): Promise<void> {
  if (existsSync(`${folder}/code`)) return;
  const loader = run(folder, []);
  await new Promise((resolve) => loader.once('exit', resolve).once('error', resolve));
}

function run(folder: string, parameters: string[]): ReturnType<typeof spawn> {
  const log = openSync(`${folder}/log`, 'a', 0o600);
  const child = spawn(process.execPath, [...flags, entry, ...parameters], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: `${folder}/code` },
  });
  closeSync(log);
  return child;
}
