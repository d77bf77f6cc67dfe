// moment.test.ts: times as clients write them
import test from 'ava';
import { moment } from '../../api/docker/moment.ts';
import { changedConfig } from '../../actors/operations/config-changes.ts';
import { positionAt } from '../../actors/moments.ts';
import { memoryLog } from '../../events/stores/memory.ts';

const now = 1_795_601_764_500_000_000n;

for (const [written, time] of [
  ['1795601764', 1_795_601_764_000_000_000n],
  ['1795601764.5', now],
  ['1795601764.000000001', 1_795_601_764_000_000_001n],
  ['2026-11-25T10:16:04Z', 1_795_601_764_000_000_000n],
  ['2026-11-25T10:16:04.500000000Z', now],
  ['2026-11-25T11:16:04+01:00', 1_795_601_764_000_000_000n],
  ['2026-11-25T10:16', 1_795_601_760_000_000_000n],
  ['2026-11-25', 1_795_564_800_000_000_000n],
  ['10s', now - 10_000_000_000n],
  ['1h30m', now - 5_400_000_000_000n],
  ['1.5s', now - 1_500_000_000n],
  ['0', 0n],
] as const) {
  test(`${written} is a time`, (t) => t.deepEqual(moment(written, now), { time }));
}

test('a position in the log is a moment too, and nothing is none', (t) => {
  t.deepEqual(moment('position:12', now), { position: 12 });
  t.is(moment('', now), null);
  for (const wrong of ['whenever', '2026-13-45', '12:00', 'position:x']) t.throws(() => moment(wrong, now), { message: /failed to parse/ });
});

test('the position of a time is that of the first fact which is not earlier', async (t) => {
  const log = memoryLog();
  t.is(await positionAt(log, 5n), 0);
  const cause = { command: 'test', commandId: 'c', correlationId: 'r', causation: null, caller: { transport: 'internal' } } as const;
  for (let time = 10n; time < 30n; time += 2n) {
    await log.append(`volume-v${time}`, -1, [{ id: String(time), type: 'volume.created', data: {}, time, cause }]);
  }
  const timeAt = async (time: bigint) => {
    const from = await positionAt(log, time);
    for await (const [fact] of log.read({ from, limit: 1 })) return fact?.time ?? null;
    return null;
  };
  for (let time = 8n; time < 32n; time++) t.is(await timeAt(time), time > 28n ? null : time < 10n ? 10n : time + (time % 2n));
  await log.close();
});

test('instructions of a Dockerfile change a config', (t) => {
  const changed = changedConfig({ Env: ['A=0', 'KEEP=1'], WorkingDir: '/a', Cmd: ['old'] }, [
    'ENTRYPOINT echo $A', 'ENV A=1 B="two words"', 'LABEL x="y z"', 'EXPOSE 80 90-91/udp', 'WORKDIR b/../c', 'VOLUME ["/v"]', 'USER ${A}', 'STOPSIGNAL SIGINT',
    'HEALTHCHECK --interval=5s --retries=2 CMD true', 'ONBUILD RUN make',
  ]);
  t.deepEqual(changed, {
    Env: ['KEEP=1', 'A=1', 'B=two words'], WorkingDir: '/a/c', Cmd: null, Entrypoint: ['/bin/sh', '-c', 'echo $A'], Labels: { x: 'y z' },
    ExposedPorts: { '80/tcp': {}, '90/udp': {}, '91/udp': {} }, Volumes: { '/v': {} }, User: '1', StopSignal: 'SIGINT',
    Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 5_000_000_000, Retries: 2 }, OnBuild: ['RUN make'],
  });
  t.throws(() => changedConfig({}, ['RUN make']), { message: 'run is not a valid change command' });
  t.throws(() => changedConfig({}, ['EXPOSE port']), { message: /invalid containerPort/ });
});
