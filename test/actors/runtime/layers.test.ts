// layers.test.ts: looking for files through layers
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { find, layersOf, readText } from '../../../actors/runtime/layers.ts';
import { userFor } from '../../../actors/runtime/user.ts';

/** A layer of these files; a text that begins with `->` makes a link. */
function layer(t: ExecutionContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tallyd-layer-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    if (text.startsWith('->')) symlinkSync(text.slice(2), join(folder, path));
    else writeFileSync(join(folder, path), text);
  }
  return folder;
}

test('the upper layer\'s file is seen, and the lower one\'s where there is no other', (t) => {
  const layers = [layer(t, { 'etc/a': 'upper' }), layer(t, { 'etc/a': 'lower', 'etc/b': 'lower' })];
  t.is(readText(layers, '/etc/a'), 'upper');
  t.is(readText(layers, '/etc/b'), 'lower');
  t.is(readText(layers, '/etc/c'), null);
  t.is(readText(layers, '/etc'), null);
});

test('a file where a lower layer has a folder hides it', (t) => {
  const layers = [layer(t, { etc: 'a file' }), layer(t, { 'etc/a': 'lower' })];
  t.is(readText(layers, '/etc/a'), null);
});

test('links are followed inside, over layers, and never out', (t) => {
  const outside = layer(t, { secret: 'secret' });
  const layers = [
    layer(t, { passwd: '->/real/passwd', up: `->../../../../../../../..${outside}/secret`, out: `->${outside}/secret`, loop: '->/loop', folder: '->real/' }),
    layer(t, { 'real/passwd': 'found' }),
  ];
  t.is(readText(layers, '/passwd'), 'found');
  t.is(readText(layers, '/folder/passwd'), 'found');
  t.is(find(layers, '/folder')?.path, '/real');
  t.is(readText(layers, '/up'), null);
  t.is(readText(layers, '/out'), null);
  t.is(readText(layers, '/loop'), null);
  t.is(readText(layers, `/../../..${outside}/secret`), null);
});

test('layers are read off the mount that containerd gives', (t) => {
  const overlay = { type: 'overlay', source: 'overlay', target: '', options: ['index=off', 'workdir=/w', 'upperdir=/u', 'lowerdir=/a:/b'] };
  t.deepEqual(layersOf([overlay]), ['/u', '/a', '/b']);
  t.deepEqual(layersOf([{ type: 'bind', source: '/x', target: '', options: [] }]), ['/x']);
});

const passwd = 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001:Ann:/home/ann:/bin/sh\n';
const group = 'root:x:0:\nann:x:1001:\nwheel:x:10:root,ann\n7:x:77:\n';

for (const [asked, uid, gid, groups] of [
  ['', 0, 0, [0, 10]],
  ['ann', 1000, 1001, [1001, 10]],
  ['1000', 1000, 1001, [1001, 10]],
  ['1000:wheel', 1000, 10, [10]],
  ['ann:55', 1000, 55, [55]],
  ['4321', 4321, 0, [0]],
  ['4321:7', 4321, 7, [7]],
] as const) {
  test(`--user ${asked || "''"} is uid ${uid}, gid ${gid}, groups ${groups.join(' ')}`, (t) => {
    const layers = [layer(t, { 'etc/passwd': passwd, 'etc/group': group })];
    t.deepEqual(userFor(layers, asked, null), { uid, gid, additionalGids: [...groups] });
  });
}

test('an unknown user, an unknown group and a number that is none are refused', (t) => {
  const layers = [layer(t, { 'etc/passwd': passwd, 'etc/group': group })];
  t.throws(() => userFor(layers, 'bob', null), { message: 'unable to find user bob: no matching entries in passwd file' });
  t.throws(() => userFor(layers, 'ann:staff', null), { message: 'Unable to find group staff: no matching entries in group file' });
  t.throws(() => userFor(layers, '4294967296', null), { message: 'uids and gids must be in range 0-2147483647' });
  t.deepEqual(userFor([layer(t, {})], '', null), { uid: 0, gid: 0, additionalGids: [0] });
});
