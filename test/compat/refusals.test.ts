// refusals.test.ts: bad input gets Docker's status and a sentence, leaves nothing half done, and the daemon goes on
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { request } from 'node:http';
import { eventually } from '../_daemon.ts';
import { sharedDaemon } from './_shared.ts';

const { real, daemon } = sharedDaemon();
const none = ['--network', 'none'];

/** What `docker run` is refused for, and the words of it. */
const refusedRuns: readonly [string, readonly string[], RegExp][] = [
  ['an image name that cannot be', ['BAD//name', 'true'], /invalid reference format/],
  ['a bad container name', ['--name', 'bad/name', 'busybox', 'true'], /Invalid container name \(bad\/name\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\] are allowed/],
  ['a bad port', ['-p', '99999:80', 'busybox', 'true'], /invalid hostPort: 99999|invalid port/i],
  ['a missing bind source', ['--mount', 'type=bind,src=/no/such/path,dst=/x', 'busybox', 'true'], /bind source path does not exist: \/no\/such\/path/],
  ['a mount without an absolute place', ['-v', '/tmp:relative', 'busybox', 'true'], /mount path must be absolute/],
  ['a mount at the root', ['-v', '/tmp:/', 'busybox', 'true'], /destination can't be '\/'/],
  ['an unknown runtime', ['--runtime', 'no-such', 'busybox', 'true'], /unknown or invalid runtime name: no-such/],
  ['a relative working directory', ['-w', 'relative', 'busybox', 'true'], /working directory 'relative' is invalid, it needs to be an absolute path/],
  ['an unknown user', ['-u', 'somebody', 'busybox', 'true'], /unable to find user somebody/],
  ['an unknown network', ['--network', 'no-such', 'busybox', 'true'], /network no-such not found/],
  ['another container\'s network that is not there', ['--network', 'container:no-such', 'busybox', 'true'], /No such container: no-such/],
  ['too little memory', ['-m', '1m', 'busybox', 'true'], /Minimum memory limit allowed is 6MB/],
  ['more cpus than there are', ['--cpus', '1000', 'busybox', 'true'], /range of CPUs is from 0\.01 to/],
  ['an unknown signal', ['--stop-signal', 'NONSENSE', 'busybox', 'true'], /invalid signal: NONSENSE/],
  ['a capability that there is not', ['--cap-add', 'NONSENSE', 'busybox', 'true'], /invalid capability|unknown capability/i],
  ['an unknown log driver', ['--log-driver', 'no-such', 'busybox', 'true'], /no log driver named 'no-such' is registered/],
  ['a bad log option', ['--log-opt', 'max-size=1q', 'busybox', 'true'], /invalid size: '1q'/],
];

for (const [what, args, words] of refusedRuns) {
  real(`docker run is refused for ${what}, and no container is left running`, async (t) => {
    const { code, stderr } = await daemon().docker('run', '--rm', '--pull', 'never', '--label', `what=${what}`, ...(args.includes('--network') || args.includes('-p') ? [] : none), ...args);
    t.is(code, 125);
    t.regex(stderr, words);
    await eventually('nothing is left', async () => (await daemon().ok('ps', '-q', '--filter', `label=what=${what}`)) === '');
  });
}

interface Message {
  readonly message: string;
}
const answers = async (t: ExecutionContext, method: string, path: string, body: unknown, status: number, words: RegExp) => {
  const reply = await daemon().request(method, path, body);
  t.is(reply.status, status, reply.text);
  t.regex(reply.json<Message>().message, words);
};

/** With the bytes as they are. */
const sent = (path: string, text: string): Promise<{ status: number; text: string }> => new Promise((resolve, reject) => {
  const asked = request({ socketPath: daemon().socket, method: 'POST', path, headers: { 'content-type': 'application/json' } }, (answer) => {
    let read = '';
    answer.on('data', (chunk: Buffer) => (read += chunk)).on('end', () => resolve({ status: answer.statusCode ?? 0, text: read }));
  });
  asked.on('error', reject).end(text);
});

real('broken JSON and wrong types are refused with 400', async (t) => {
  for (const text of ['{"Image": ', '[1, 2', '"text"', '{"Image": 7}', '{"Image": "busybox", "Cmd": 7}', '{"Image":"busybox","HostConfig":{"Memory":"much"}}', 'null', '']) {
    const reply = await sent('/containers/create', text);
    t.is(reply.status, 400, `${text}: ${reply.text}`);
    t.regex(reply.text, /"message":"..*"/);
  }
  const { code } = await daemon().docker('run', '--rm', ...none, 'busybox', 'true');
  t.is(code, 0);
});

real('what cannot be is told with 400, what is not there with 404, what is in the way with 409', async (t) => {
  await answers(t, 'POST', '/containers/create', { Image: 'no-such-image' }, 404, /No such image: no-such-image:latest/);
  await answers(t, 'POST', '/containers/create', { Image: 'busybox', HostConfig: { RestartPolicy: { Name: 'sometimes' } } }, 400, /invalid restart policy/);
  await answers(t, 'POST', '/containers/no-such/start', undefined, 404, /No such container: no-such/);
  await answers(t, 'GET', '/containers/no-such/json', undefined, 404, /No such container: no-such/);
  await answers(t, 'DELETE', '/images/no-such', undefined, 404, /No such image: no-such/);
  await daemon().ok('create', '--name', 'taken', ...none, 'busybox', 'true');
  await answers(t, 'POST', '/containers/create?name=taken', { Image: 'busybox' }, 409, /The container name "\/taken" is already in use by container "?[0-9a-f]{64}/);
  await answers(t, 'POST', '/containers/taken/kill', undefined, 409, /is not running/);
  await answers(t, 'POST', '/containers/taken/pause', undefined, 409, /is not running/);
  await answers(t, 'POST', '/containers/taken/resize?h=1&w=1', undefined, 409, /is not running/);
  await answers(t, 'POST', '/containers/taken/kill?signal=NONSENSE', undefined, 400, /invalid signal/i);
  await answers(t, 'GET', '/containers/json?filters={broken', undefined, 400, /filter|invalid/i);
  await answers(t, 'GET', '/v9.99/info', undefined, 400, /client version 9\.99 is too new/);
  await answers(t, 'GET', '/no/such/page', undefined, 404, /page not found/);
  t.is((await daemon().request('POST', '/containers/taken/stop')).status, 304);
  await daemon().ok('rm', 'taken');
});

real('clients that do opposite things at once each get an answer, and the end is one of theirs', async (t) => {
  const docker = daemon();
  for (let round = 0; round < 5; round += 1) {
    const name = `torn-${round}`;
    await docker.ok('run', '-d', '--name', name, ...none, 'busybox', 'sleep', '100000');
    const codes = await Promise.all([
      docker.request('POST', `/containers/${name}/stop?t=0`), docker.request('POST', `/containers/${name}/start`), docker.request('POST', `/containers/${name}/restart?t=0`),
      docker.request('POST', `/containers/${name}/pause`), docker.request('POST', `/containers/${name}/kill`), docker.request('DELETE', `/containers/${name}?force=1`),
      docker.request('DELETE', `/containers/${name}?force=1`), docker.request('POST', `/containers/${name}/rename?name=${name}-too`),
    ]);
    for (const { status, text } of codes) t.true([200, 204, 304, 404, 409].includes(status), `${status} ${text}`);
    await eventually('it was gone', async () => (await docker.docker('inspect', name)).code === 1 && (await docker.docker('inspect', `${name}-too`)).code === 1);
  }
});

real('one of two containers gets a name that both ask for', async (t) => {
  const replies = await Promise.all(Array.from({ length: 6 }, () => daemon().request('POST', '/containers/create?name=wanted', { Image: 'busybox' })));
  t.deepEqual(replies.map(({ status }) => status).toSorted(), [201, 409, 409, 409, 409, 409]);
  await daemon().ok('rm', 'wanted');
});

real('a daemon that was given all this still runs containers', async (t) => {
  t.is(await daemon().ok('run', '--rm', ...none, '-v', `${join(daemon().roots.folder, 'x')}:/x`, 'busybox', 'echo', 'still here'), 'still here');
});
