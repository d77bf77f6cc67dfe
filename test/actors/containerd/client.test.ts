// client.test.ts: calls to containerd
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import anyTest from 'ava';
import { isAlreadyExists, isNotFound, nanosecondsOf, packJson, unpackJson } from '../../../actors/containerd/client.ts';
import { WorldFailure } from '../../../actors/world.ts';
import { box, missing, random } from '../runtime/_box.ts';

const test = missing ? anyTest.skip : anyTest.serial;
if (missing) anyTest(`calls to containerd are not tested here: ${missing}`, (t) => t.pass());

test('what is not there and what is there already are told apart', async (t) => {
  const { containerd } = await box(t);
  t.true(isNotFound(await t.throwsAsync(containerd.call('Containers.Get', { id: 'none' }))));
  await containerd.call('Leases.Create', { id: 'one' });
  const error = await t.throwsAsync(containerd.call('Leases.Create', { id: 'one' }), { instanceOf: WorldFailure });
  t.true(isAlreadyExists(error));
  t.is(error.failure.reason, 'conflict');
  t.deepEqual((await containerd.call('Leases.List', {})).leases.map(({ id }) => id), ['one']);
});

test('content is written piece by piece and read back', async (t) => {
  const { containerd } = await box(t);
  await containerd.call('Leases.Create', { id: 'held' });
  const data = Buffer.from(random.hex(100_000));
  const expected = `sha256:${createHash('sha256').update(data).digest('hex')}`;
  const pipe = containerd.write({ lease: 'held' });
  for (let at = 0; at < data.length; at += 50_000) {
    pipe.write({ action: 'WRITE', ref: 'piece', offset: at, data: data.subarray(at, at + 50_000) });
    await once(pipe, 'data');
  }
  pipe.end({ action: 'COMMIT', ref: 'piece', offset: data.length, total: data.length, expected });
  const [answer] = (await once(pipe, 'data')) as [{ digest: string }];
  t.is(answer.digest, expected);
  const parts: Buffer[] = [];
  for await (const part of containerd.stream('Content.Read', { digest: expected })) parts.push(part.data);
  t.true(Buffer.concat(parts).equals(data));
});

test('a call and a stream end with the reason for which they are given up', async (t) => {
  const { containerd } = await box(t);
  const given = new AbortController();
  const events = containerd.stream('Events.Subscribe', {}, { signal: given.signal });
  const next = t.throwsAsync(events.next(), { message: 'enough' });
  given.abort(new Error('enough'));
  await next;
  await t.throwsAsync(containerd.call('Version.Version', {}, { signal: given.signal }), { message: 'enough' });
});

test('payloads of any type are packed and unpacked', async (t) => {
  const { containerd } = await box(t);
  const packed = containerd.pack('containerd.runc.v1.Options', { binaryName: '/usr/bin/crun' });
  t.is(containerd.unpack('containerd.runc.v1.Options', packed).binaryName, '/usr/bin/crun');
  t.deepEqual(unpackJson(packJson('x', { a: 1 })), { a: 1 });
});

anyTest('times are nanoseconds since the epoch', (t) => {
  t.is(nanosecondsOf({ seconds: 1_700_000_000, nanos: 5 }), 1_700_000_000_000_000_005n);
  t.is(nanosecondsOf(null), 0n);
});
