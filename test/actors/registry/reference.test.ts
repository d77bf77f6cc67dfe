// reference.test.ts: names of images, as people write and as Docker prints them
import test from 'ava';
import { familiarName, fullName, parseReference, withDefaultTag } from '../../../actors/registry/reference.ts';
import { WorldFailure } from '../../../actors/world.ts';

const hex = 'a'.repeat(64);

const names: readonly [written: string, full: string, familiar: string][] = [
  ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['index.docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['docker.io/someone/thing', 'docker.io/someone/thing:latest', 'someone/thing:latest'],
  ['someone/thing:v1', 'docker.io/someone/thing:v1', 'someone/thing:v1'],
  ['localhost/thing', 'localhost/thing:latest', 'localhost/thing:latest'],
  ['localhost:5000/a/b_c/d--e', 'localhost:5000/a/b_c/d--e:latest', 'localhost:5000/a/b_c/d--e:latest'],
  ['ghcr.io/owner/name:v1.2', 'ghcr.io/owner/name:v1.2', 'ghcr.io/owner/name:v1.2'],
  ['[::1]:5000/name', '[::1]:5000/name:latest', '[::1]:5000/name:latest'],
  [`busybox@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`, `busybox@sha256:${hex}`],
  [`busybox:1@sha256:${hex}`, `docker.io/library/busybox:1@sha256:${hex}`, `busybox:1@sha256:${hex}`],
];

test('a name of an image has a full form, and a short one for people', (t) => {
  for (const [written, full, familiar] of names) {
    const reference = withDefaultTag(parseReference(written));
    t.is(fullName(reference), full);
    t.is(familiarName(reference), familiar);
    t.deepEqual(parseReference(full), reference);
  }
});

const refused: readonly [written: string, message: string][] = [
  ['', 'invalid reference format'],
  ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
  ['a//b', 'invalid reference format'],
  ['a b', 'invalid reference format'],
  ['busybox:', 'invalid reference format'],
  ['-busybox', 'invalid reference format'],
  ['busybox:-1', 'invalid reference format'],
  ['host.example:port/name', 'invalid reference format'],
  [`busybox:${'x'.repeat(129)}`, 'invalid reference format'],
  ['busybox@sha256:abc', 'invalid reference format'],
  [`busybox@sha256:${hex}a`, 'invalid checksum digest length'],
  [`busybox@md5:${'a'.repeat(32)}`, 'unsupported digest algorithm'],
  [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
  [`busybox/${'x'.repeat(250)}`, 'repository name must not be more than 255 characters'],
];

test('a name that cannot be one is refused with a sentence that says why', (t) => {
  for (const [written, message] of refused) t.is(t.throws(() => parseReference(written), { instanceOf: WorldFailure })?.message, message, written);
});
