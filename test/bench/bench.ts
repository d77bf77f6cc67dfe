// bench.ts: figures, printed and never tested: the log's, and docker's commands here and on a peer, in turns
import { spawn, spawnSync } from 'node:child_process';
import { measureLog } from './log.ts';

/**
 * `DOCKER_HOST` names the daemon that is measured, `PEER` the socket of a stock dockerd beside it; both need an image
 * `busybox`. Machines are shared and noisy: quote medians and ratios.
 */
const here = process.env['DOCKER_HOST'] ?? '';
const peer = process.env['PEER'] ?? '';
const hosts = [here, peer].filter((each) => each !== '');
const rounds = Number(process.env['ROUNDS'] ?? 10);

const docker = (host: string, ...args: string[]): void => {
  const { status, stderr } = spawnSync('docker', ['-H', host, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
};

function timed(work: () => void): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

/** What is measured, with what has to be there before and is put away behind it. */
const cases: Readonly<Record<string, { before?: string[]; command: string[]; after?: string[] }>> = {
  'run --rm, no network': { command: ['run', '--rm', '--network', 'none', 'busybox', 'true'] },
  'run --rm, bridge': { command: ['run', '--rm', 'busybox', 'true'] },
  'run -d': { command: ['run', '-d', '--name', 'bench', 'busybox', 'sleep', '1000'], after: ['rm', '-f', 'bench'] },
  start: { before: ['create', '--name', 'bench', 'busybox', 'sleep', '1000'], command: ['start', 'bench'], after: ['rm', '-f', 'bench'] },
  stop: { before: ['run', '-d', '--name', 'bench', 'busybox', 'sleep', '1000'], command: ['stop', '-t', '0', 'bench'], after: ['rm', '-f', 'bench'] },
  'rm -f': { before: ['run', '-d', '--name', 'bench', 'busybox', 'sleep', '1000'], command: ['rm', '-f', 'bench'] },
  exec: { before: ['run', '-d', '--name', 'bench', 'busybox', 'sleep', '1000'], command: ['exec', 'bench', 'true'], after: ['rm', '-f', 'bench'] },
  'ps -a': { command: ['ps', '-a'] },
};

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

function tell(name: string, figures: Readonly<Record<string, readonly number[]>>): void {
  const [ours, theirs] = [median(figures[here] ?? []), median(figures[peer] ?? [])];
  const beside = peer === '' ? '' : `, peer ${theirs.toFixed(0)} ms, ratio ${(ours / theirs).toFixed(2)}`;
  process.stdout.write(`${name}: ${ours.toFixed(0)} ms${beside}\n`);
}

function compare(name: string, { before, command, after }: (typeof cases)[string]): void {
  const figures: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const host of hosts) {
      if (before) docker(host, ...before);
      (figures[host] ??= []).push(timed(() => docker(host, ...command)));
      if (after) docker(host, ...after);
    }
  }
  tell(name, figures);
}

/** A burst of runs at once: how long until the last of them is over. */
async function burst(count: number): Promise<void> {
  const figures: Record<string, number[]> = {};
  for (let round = 0; round < 3; round += 1) {
    for (const host of hosts) {
      const from = performance.now();
      await Promise.all(Array.from({ length: count }, () => inBackground(host, 'run', '--rm', 'busybox', 'true')));
      (figures[host] ??= []).push(performance.now() - from);
    }
  }
  tell(`${count} run --rm at once`, figures);
}

const inBackground = (host: string, ...args: string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    spawn('docker', ['-H', host, ...args], { stdio: 'ignore' }).on('close', (code) => (code === 0 ? resolve() : reject(new Error(`docker ${args.join(' ')} ended with ${code}`))));
  });

/** Lists among so many created containers, which stay until the next size is measured. */
async function crowd(sizes: readonly number[]): Promise<void> {
  let made = 0;
  for (const size of sizes) {
    for (; made < size; made += together) {
      const names = Array.from({ length: Math.min(together, size - made) }, (_, index) => `bench-${made + index}`);
      for (const host of hosts) await Promise.all(names.map((name) => inBackground(host, 'create', '--name', name, 'busybox', 'true')));
    }
    compare(`ps -a with ${size}`, { command: ['ps', '-a'] });
  }
  for (const host of hosts) for (let from = 0; from < made; from += 100) docker(host, 'rm', ...Array.from({ length: Math.min(100, made - from) }, (_, index) => `bench-${from + index}`));
}
const together = 4;

process.stdout.write(`${JSON.stringify(await measureLog(), null, 1)}\n`);
if (here === '') process.stdout.write('set DOCKER_HOST (and PEER) to measure docker commands too\n');
else {
  for (const [name, each] of Object.entries(cases)) compare(name, each);
  await burst(32);
  await crowd([500, 1500]);
}
