// docker-cli.test.ts: the docker command line, unmodified, with containers of the simulated world
import test from 'ava';
import { missingDocker, startDaemon } from '../_daemon.ts';

const cli = missingDocker ? test.skip : test;

cli('run, ps, logs, exec, stop and rm', async (t) => {
  const daemon = await startDaemon(t, { world: 'simulated' });
  await daemon.busybox();
  const id = await daemon.ok('run', '-d', '--name', 'web', '-l', 'tier=front', '-p', '8080:80', 'busybox', 'sleep', '1000');
  t.regex(id, /^[0-9a-f]{64}$/);
  t.is(await daemon.ok('ps', '--format', '{{.Names}} {{.Image}} {{.Command}} {{.Ports}} {{.State}}'), 'web busybox "sleep 1000" 0.0.0.0:8080->80/tcp running');
  t.is(await daemon.ok('port', 'web'), '80/tcp -> 0.0.0.0:8080');
  t.is(await daemon.ok('exec', 'web', 'echo', 'hi'), 'hi');
  t.is((await daemon.docker('exec', 'web', 'sh', '-c', 'exit 4')).code, 4);
  t.is((await daemon.docker('rm', 'web')).code, 1);
  t.is(await daemon.ok('stop', 'web'), 'web');
  t.regex(await daemon.ok('ps', '-a', '--format', '{{.Status}}'), /^Exited \(143\) /);
  t.is(await daemon.ok('start', 'web'), 'web');
  t.is(await daemon.ok('rm', '-f', 'web'), 'web');
  t.is(await daemon.ok('ps', '-aq'), '');
});

cli('run in the foreground gives the output and the exit code', async (t) => {
  const daemon = await startDaemon(t, { world: 'simulated' });
  await daemon.busybox();
  t.is(await daemon.ok('run', '--rm', 'busybox', 'echo', 'hello'), 'hello');
  t.is((await daemon.docker('run', '--rm', 'busybox', 'sh', '-c', 'exit 3')).code, 3);
  const missing = await daemon.docker('run', '--rm', 'busybox', 'not-there');
  t.is(missing.code, 127);
  t.regex(missing.stderr, /executable file not found in \$PATH/);
  t.is((await daemon.docker('run', '--name', 'kept', 'busybox', 'echo', 'logged')).stdout, 'logged\n');
  t.is(await daemon.ok('logs', 'kept'), 'logged');
  t.is(await daemon.ok('ps', '-a', '--filter', 'exited=0', '--format', '{{.Names}}'), 'kept');
});

cli('what cannot be is told in dockerd’s words', async (t) => {
  const daemon = await startDaemon(t, { world: 'simulated' });
  await daemon.busybox();
  await daemon.ok('create', '--name', 'web', 'busybox');
  const told: readonly (readonly [string[], RegExp])[] = [
    [['create', '--name', 'web', 'busybox'], /The container name "\/web" is already in use by container/],
    [['create', '--name', '_', 'busybox'], /Invalid container name \(_\)/],
    [['create', '--mount', 'type=bind,src=/not/there,dst=/a', 'busybox'], /bind source path does not exist: \/not\/there/],
    [['create', '-m', '1m', 'busybox'], /Minimum memory limit allowed is 6MB/],
    [['create', '--runtime', 'nope', 'busybox'], /unknown or invalid runtime name: nope/],
    [['create', '--rm', '--restart', 'always', 'busybox'], /[Cc]onflicting options|can't create 'AutoRemove' container with restart policy/],
    [['kill', 'web'], /is not running/],
    [['exec', 'web', 'true'], /is not running/],
    [['inspect', '--type', 'container', 'nope'], /No such container: nope/],
    [['rename', 'web', 'web'], /same name as its current name/],
  ];
  for (const [given, sentence] of told) {
    const { code, stderr } = await daemon.docker(...given);
    t.not(code, 0, given.join(' '));
    t.regex(stderr, sentence, given.join(' '));
  }
});

cli('pause, unpause, rename, update, restart, wait and prune', async (t) => {
  const daemon = await startDaemon(t, { world: 'simulated' });
  await daemon.busybox();
  await daemon.ok('run', '-d', '--name', 'one', 'busybox', 'top');
  await daemon.ok('pause', 'one');
  t.regex(await daemon.ok('ps', '--format', '{{.Status}}'), /\(Paused\)$/);
  await daemon.ok('unpause', 'one');
  await daemon.ok('rename', 'one', 'two');
  await daemon.ok('update', '-m', '64m', '--memory-swap', '-1', '--restart', 'no', 'two');
  t.is(await daemon.ok('inspect', '-f', '{{.HostConfig.Memory}}', 'two'), '67108864');
  await daemon.ok('restart', 'two');
  const waiting = daemon.ok('wait', 'two');
  await daemon.ok('kill', 'two');
  t.is(await waiting, '137');
  t.regex(await daemon.ok('container', 'prune', '-f'), /^Deleted Containers:\n[0-9a-f]{64}/);
});

cli('events of a run are told in order', async (t) => {
  const daemon = await startDaemon(t, { world: 'simulated' });
  await daemon.busybox();
  await daemon.ok('run', '--rm', '--name', 'web', 'busybox', 'true');
  // The end is a little ahead: the last event may be of this very moment.
  const until = (Date.now() / 1000 + 1).toFixed(3);
  const told = await daemon.ok('events', '--since', '0', '--until', until, '--filter', 'type=container', '--format', '{{.Action}}');
  t.deepEqual(told.split('\n'), ['create', 'attach', 'start', 'die', 'destroy']);
});
