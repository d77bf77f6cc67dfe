// _image.ts: a small image out of this machine's static busybox, for tests that run containers
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { pack, type Pack } from 'tar-stream';

const path = '/bin/busybox';
const mtime = new Date('2026-01-01T00:00:00Z');

const folders: readonly { name: string; mode: number }[] = [
  { name: 'bin', mode: 0o755 },
  { name: 'etc', mode: 0o755 },
  { name: 'home', mode: 0o755 },
  { name: 'root', mode: 0o700 },
  { name: 'tmp', mode: 0o1777 },
  { name: 'usr', mode: 0o755 },
  { name: 'usr/bin', mode: 0o755 },
  { name: 'usr/sbin', mode: 0o755 },
  { name: 'sbin', mode: 0o755 },
  { name: 'var', mode: 0o755 },
  { name: 'var/www', mode: 0o755 },
];

const files: Readonly<Record<string, string>> = {
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\n' +
    'nobody:x:65534:65534:nobody:/home:/bin/false\n',
  'etc/group': 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n',
};

type Header = Parameters<Pack['entry']>[0];
const add = (tar: Pack, header: Header, body?: Buffer | string): Promise<void> =>
  new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    if (body === undefined) tar.entry({ uid: 0, gid: 0, mtime, ...header }, done);
    else tar.entry({ uid: 0, gid: 0, mtime, ...header }, body, done);
  });

const build = async (): Promise<Buffer> => {
  const [binary, listed] = await Promise.all([readFile(path), promisify(execFile)(path, ['--list'])]);
  const applets = listed.stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  const tar = pack();
  const chunks: Buffer[] = [];
  tar.on('data', (chunk) => chunks.push(chunk as Buffer));
  const ended = new Promise<void>((resolve, reject) => tar.on('end', resolve).on('error', reject));
  for (const { name, mode } of folders) await add(tar, { name: `${name}/`, type: 'directory', mode });
  await add(tar, { name: 'bin/busybox', mode: 0o755 }, binary);
  for (const name of applets) await add(tar, { name: `bin/${name}`, type: 'symlink', linkname: 'busybox', mode: 0o777 });
  for (const [name, text] of Object.entries(files)) await add(tar, { name, mode: 0o644 }, text);
  tar.finalize();
  await ended;
  return Buffer.concat(chunks);
};

let made: Promise<Buffer> | null = null;

/** The root file system of the image, an uncompressed tar of 2.5 MB, the same bytes at each call: what `docker import` takes. */
export const busyboxTar = (): Promise<Buffer> => (made ??= build());
