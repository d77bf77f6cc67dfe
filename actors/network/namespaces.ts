// namespaces.ts: network namespaces, kept alive by a file each, with some made in advance
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { libc } from '../worlds/libc.ts';
import { run } from './commands.ts';

export interface Namespace {
  /** The file to join it by. */
  readonly path: string;
  /** The host's end of its `eth0`, down and connected to nothing yet. */
  readonly link: string;
}

export interface Namespaces {
  take(): Promise<Namespace>;
  /** Has the pool filled in the background. */
  fill(): void;
  remove(path: string): Promise<void>;
  /** A name for a link that no link has or had in this daemon's time: the kernel deletes them late. */
  nextLink(): string;
  /** Paths of all that exist. */
  list(): string[];
  /** Deletes those that nobody took. */
  close(): Promise<void>;
}

/** Kept ready: making one takes 6 to 20 ms, a start that finds one ready none. */
const poolSize = 3;
/** Milliseconds to wait before the pool is filled again, so as not to be in the way of the start that has just taken one. */
const refillDelay = 100;
/** statfs(2): NSFS_MAGIC. */
const nsfs = 0x6e736673;
/** umount2(2). */
const MNT_DETACH = 2;

export function openNamespaces(folder: string, linkPrefix: string): Namespaces {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ready: Namespace[] = [];
  let number = highestNumber(folder, linkPrefix);
  const closing = new AbortController();
  let filling: Promise<void> | null = null;

  const nextLink = () => `${linkPrefix}${(number += 1).toString(36)}`;
  const remove = (path: string) => removeNamespace(path);

  async function make(): Promise<Namespace> {
    const link = nextLink();
    const path = join(folder, link);
    writeFileSync(path, '', { mode: 0o600 });
    // No address is made up for IPv6: a container would announce itself on a network that has none.
    const lines = ['link set dev lo up', `link add name eth0 type veth peer name ${link} netns ${process.pid}`, 'link set dev eth0 addrgenmode none'];
    try {
      await run('unshare', [`--net=${path}`, 'ip', '-batch', '-'], `${lines.join('\n')}\n`);
    } catch (error) {
      await remove(path);
      throw error;
    }
    return { path, link };
  }

  async function refill(): Promise<void> {
    while (!closing.signal.aborted && ready.length < poolSize) {
      ready.push(await make());
    }
  }

  function fill(): void {
    if (closing.signal.aborted || filling || ready.length >= poolSize) return;
    // Who takes one from an empty pool makes it himself, and is told what is wrong.
    filling = refill().catch(() => undefined).finally(() => (filling = null));
  }

  return {
    nextLink,
    fill,
    remove,
    take: async () => {
      setTimeout(fill, refillDelay).unref();
      return ready.shift() ?? (await make());
    },
    list: () => (existsSync(folder) ? readdirSync(folder) : []).map((name) => join(folder, name)),
    close: async () => {
      closing.abort();
      await filling;
      for (const { path } of ready.splice(0)) await remove(path);
    },
  };
}

/** The file is a namespace still, not what a reboot left of it. */
export function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === nsfs;
  } catch {
    return false;
  }
}

/** The kernel takes the namespace's links away when nobody is in it any more: far cheaper than to delete a link. */
async function removeNamespace(path: string): Promise<void> {
  while (isNamespace(path)) {
    if (libc ? libc.umount2(path, MNT_DETACH) !== 0 : !(await unmounted(path))) throw new Error(`cannot unmount ${path}`);
  }
  rmSync(path, { force: true });
}

const unmounted = (path: string): Promise<boolean> => run('umount', ['--lazy', path]).then(() => true);

/** Links live on for a while after their namespace, and so do namespaces after their daemon: numbers go on behind both. */
function highestNumber(folder: string, linkPrefix: string): number {
  const names = [...readdirSync(folder), ...readdirSync('/sys/class/net')];
  const numbers = names.filter((name) => name.startsWith(linkPrefix)).map((name) => Number.parseInt(name.slice(linkPrefix.length), 36));
  return Math.max(0, ...numbers.filter((number) => Number.isFinite(number)));
}
