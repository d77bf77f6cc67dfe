// fifo.test.ts: making named pipes
import test from 'ava';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFifo, makeFifo } from '../../../actors/stdio/fifo.ts';

const folder = mkdtempSync(join(tmpdir(), 'tally-fifo-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

test('a FIFO is made with the mode that was asked for', (t) => {
  const path = join(folder, 'made');
  makeFifo(path, 0o600);
  t.true(isFifo(path));
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('a FIFO that is there is kept', (t) => {
  const path = join(folder, 'kept');
  makeFifo(path, 0o600);
  const inode = statSync(path).ino;
  makeFifo(path, 0o600);
  t.is(statSync(path).ino, inode);
});

test('a plain file in the place of a FIFO is an error, and so is a missing folder', (t) => {
  const path = join(folder, 'file');
  writeFileSync(path, 'text');
  t.throws(() => makeFifo(path, 0o600), { message: /FIFO/ });
  t.throws(() => makeFifo(join(folder, 'missing', 'fifo'), 0o600), { message: /FIFO/ });
});
