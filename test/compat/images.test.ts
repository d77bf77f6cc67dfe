// images.test.ts: images by the docker command line: import, tag, history, save, load, pull, delete
import { join } from 'node:path';
import { hasProgram } from '../actors/images/_given.ts';
import { openDebianRegistry } from '../actors/registry/_registry.ts';
import { run } from '../_daemon.ts';
import { busyboxTar } from '../_image.ts';
import { sharedDaemon } from './_shared.ts';

const { real, daemon } = sharedDaemon();
const id = (name: string) => daemon().ok('image', 'inspect', '-f', '{{.Id}}', name);
const listed = async (reference: string) => (await daemon().ok('images', '--filter', `reference=${reference}`, '--format', '{{.Repository}}:{{.Tag}}')).split('\n').filter((name) => name !== '').toSorted();

real('docker import makes an image out of a tar, with changes and a message', async (t) => {
  const { code, stdout, stderr } = await daemon().dockerWith(await busyboxTar(), 'import', '-c', 'ENV COLOR=red', '-c', 'EXPOSE 80', '-c', 'CMD ["sh", "-c", "echo $COLOR"]', '-m', 'made by hand', '-', 'made:1');
  t.is(code, 0, stderr);
  t.is(stdout.trim(), await id('made:1'));
  t.is(await daemon().ok('run', '--rm', '--network', 'none', 'made:1'), 'red');
  t.is(await daemon().ok('image', 'inspect', '-f', '{{json .Config.ExposedPorts}} {{.Os}} {{.Comment}}', 'made:1'), '{"80/tcp":{}} linux made by hand');
  t.regex(await daemon().ok('history', '--format', '{{.Comment}}', 'made:1'), /^made by hand$/);
  const wrong = await daemon().dockerWith(await busyboxTar(), 'import', '-c', 'NONSENSE x', '-', 'wrong:1');
  t.is(wrong.code, 1);
  t.deepEqual(await listed('wrong'), []);
});

real('a tag is another name of an image, and the image goes with its last name', async (t) => {
  const { stdout } = await daemon().dockerWith(await busyboxTar(), 'import', '-m', 'tagged', '-', 'tagged:1');
  await daemon().ok('tag', 'tagged:1', 'tagged:2');
  t.deepEqual(await listed('tagged'), ['tagged:1', 'tagged:2']);
  t.is(await id('tagged:2'), stdout.trim());
  t.is(await daemon().ok('rmi', 'tagged:1'), 'Untagged: tagged:1');
  t.regex(await daemon().ok('rmi', 'tagged:2'), new RegExp(`^Untagged: tagged:2\nDeleted: ${stdout.trim()}`));
  t.is((await daemon().docker('image', 'inspect', stdout.trim())).code, 1);
});

real('an image that a container uses is not deleted', async (t) => {
  await daemon().dockerWith(await busyboxTar(), 'import', '-m', 'used', '-', 'used:1');
  await daemon().ok('create', '--name', 'user', '--network', 'none', 'used:1', 'true');
  const refused = await daemon().docker('rmi', 'used:1');
  t.is(refused.code, 1);
  t.regex(refused.stderr, /conflict: unable to remove repository reference "used:1" \(must force\) - container [0-9a-f]{12} is using its referenced image [0-9a-f]{12}/);
  await daemon().ok('rm', 'user');
  await daemon().ok('rmi', 'used:1');
});

real('what docker save wrote, docker load reads: the same image, with its names', async (t) => {
  await daemon().dockerWith(await busyboxTar(), 'import', '-m', 'saved', '-c', 'CMD ["echo", "loaded"]', '-', 'saved:1');
  const before = await id('saved:1');
  const path = join(daemon().roots.folder, 'saved.tar');
  await daemon().ok('save', '-o', path, 'saved:1');
  t.regex((await run('tar', ['tf', path])).stdout, /^manifest\.json$/m);
  await daemon().ok('rmi', 'saved:1');
  t.is(await daemon().ok('load', '-i', path), 'Loaded image: saved:1');
  t.is(await id('saved:1'), before);
  t.is(await daemon().ok('run', '--rm', '--network', 'none', 'saved:1'), 'loaded');
});

real('an image is pulled from a registry by tag and by digest, and run', async (t) => {
  if (!hasProgram('docker-registry')) {
    t.pass('needs docker-registry');
    return;
  }
  const registry = await openDebianRegistry();
  t.teardown(registry.close);
  const name = `${registry.host}/some/box`;
  await daemon().ok('tag', 'busybox', `${name}:1`);
  await daemon().ok('push', `${name}:1`);
  const before = await id(`${name}:1`);
  await daemon().ok('rmi', `${name}:1`);
  t.deepEqual(await listed(name), []);
  const pulled = await daemon().ok('pull', `${name}:1`);
  t.regex(pulled, new RegExp(`Digest: sha256:[0-9a-f]{64}\nStatus: .*${name}:1`));
  t.is(await id(`${name}:1`), before);
  const digest = /Digest: (sha256:[0-9a-f]{64})/.exec(pulled)?.[1] ?? '';
  await daemon().ok('pull', `${name}@${digest}`);
  t.is(await id(`${name}@${digest}`), before);
  t.is(await daemon().ok('run', '--rm', '--network', 'none', `${name}:1`, 'echo', 'pulled'), 'pulled');
  const absent = await daemon().docker('pull', `${name}:absent`);
  t.is(absent.code, 1);
  t.regex(absent.stderr, /manifest unknown|not found/);
});

real('docker run pulls what is not there', async (t) => {
  const { code, stderr } = await daemon().docker('run', '--rm', '127.0.0.1:1/no/such:image', 'true');
  t.is(code, 125);
  t.regex(stderr, /Unable to find image '127\.0\.0\.1:1\/no\/such:image' locally[^]*connection refused/);
});
