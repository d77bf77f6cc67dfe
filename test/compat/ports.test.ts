// ports.test.ts: published ports and the way between containers, over real connections
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { eventually, type Daemon } from '../_daemon.ts';
import { sharedDaemon } from './_shared.ts';

const { real, daemon } = sharedDaemon();
const serve = (port: number, text: string) => `mkdir -p /www && echo ${text} > /www/index.html && exec httpd -f -p ${port} -h /www`;
/** Not loopback: what other machines would use. */
const hostAddress = (): string | undefined => Object.values(networkInterfaces()).flat().find((each) => each?.family === 'IPv4' && !each.internal && !each.address.startsWith('172.'))?.address;

/** Empty while nobody answers. */
const fetched = (host: string, port: number | string): Promise<string> =>
  fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}/`, { signal: AbortSignal.timeout(10_000) }).then((reply) => reply.text(), () => '');
const answers = (text: string, host: string, port: number | string) => eventually(`${host}:${port} answered`, async () => (await fetched(host, port)) === `${text}\n`);

const hostPort = async (docker: Daemon, name: string, port: string): Promise<string> => (await docker.ok('port', name, port)).split('\n')[0]?.split(':').at(-1) ?? '';
const addressOf = (docker: Daemon, name: string) => docker.ok('inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', name);
const says = (docker: Daemon, name: string, url: string) => eventually(`${name} reached ${url}`, async () => (await docker.docker('exec', name, 'timeout', '10', 'wget', '-q', '-O', '-', url)).stdout.trim());

const echoServer = "const s = require('node:dgram').createSocket('udp4'); s.on('message', (text, from) => s.send(text, from.port, from.address)).bind(7000)";

/** Several in a row that nobody listens on now. */
async function freePorts(count: number): Promise<number> {
  return eventually('ports in a row were free', async () => {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const tried = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    return tried.every(Boolean) ? first : null;
  });
}
const isFree = (port: number): Promise<boolean> => new Promise((resolve) => {
  const server = createServer().on('error', () => resolve(false)).listen(port, () => server.close(() => resolve(true)));
});

real('a published port is reached at every address of the host, from other containers and from its own', async (t) => {
  const docker = daemon();
  await docker.ok('run', '-d', '--name', 'web', '-p', '80', 'busybox', 'sh', '-c', serve(80, 'hello'));
  const port = await hostPort(docker, 'web', '80/tcp');
  await answers('hello', '127.0.0.1', port);
  await answers('hello', '::1', port);
  const outer = hostAddress();
  if (outer) await answers('hello', outer, port);
  await docker.ok('run', '-d', '--name', 'client', 'busybox', 'sleep', '100000');
  t.is(await says(docker, 'client', `http://${await addressOf(docker, 'web')}/`), 'hello');
  const gateway = await docker.ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'bridge');
  for (const host of [gateway, ...(outer ? [outer] : [])]) {
    t.is(await says(docker, 'client', `http://${host}:${port}/`), 'hello');
    t.is(await says(docker, 'web', `http://${host}:${port}/`), 'hello');
  }
  await docker.ok('rm', '-f', 'web', 'client');
  t.is(await fetched('127.0.0.1', port), '');
});

real('a range of ports goes to a range, at the address that is asked for only', async (t) => {
  const docker = daemon();
  const first = await freePorts(3);
  await docker.ok('run', '-d', '--name', 'range', '-p', `127.0.0.1:${first}-${first + 2}:80-82`, 'busybox', 'sh', '-c', `httpd -p 81; ${serve(82, 'last')}`);
  t.is(await docker.ok('port', 'range'), [0, 1, 2].map((index) => `${80 + index}/tcp -> 127.0.0.1:${first + index}`).join('\n'));
  await answers('last', '127.0.0.1', first + 2);
  const outer = hostAddress();
  if (outer) t.is(await fetched(outer, first + 2), '');
  await docker.ok('rm', '-f', 'range');
});

real('datagrams reach a published port and their answers come back', async (t) => {
  const docker = daemon();
  await docker.ok('run', '-d', '--name', 'echo', '-p', '7000/udp', 'busybox', 'sleep', '100000');
  // busybox has no server for datagrams: this one is ours, in the container's network.
  const pid = await docker.ok('inspect', '-f', '{{.State.Pid}}', 'echo');
  const server = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', echoServer], { stdio: 'ignore' });
  t.teardown(() => server.kill('SIGKILL'));
  const port = Number(await hostPort(docker, 'echo', '7000/udp'));
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  let answer = '';
  socket.on('message', (message) => (answer = String(message)));
  await eventually('an answer came', () => {
    socket.send('hello', port, '127.0.0.1');
    return answer;
  });
  t.is(answer, 'hello');
  await docker.ok('rm', '-f', 'echo');
});

real('a port that is in use is refused, and what was begun is undone', async (t) => {
  const docker = daemon();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const refused = await docker.docker('run', '-d', '--name', 'late', '-p', `${port}:80`, 'busybox', 'sleep', '100000');
  t.is(refused.code, 125);
  t.regex(refused.stderr, /driver failed programming external connectivity on endpoint late|address already in use/);
  t.is(await docker.ok('inspect', '-f', '{{.State.Status}}', 'late'), 'created');
  t.is(await docker.ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{end}}', 'bridge').then((names) => names.split(' ').includes('late')), false);
  await new Promise((resolve) => server.close(resolve));
  await docker.ok('start', 'late');
  await docker.ok('rm', '-f', 'late');
});

real('containers have addresses of the bridge, given back when they end', async (t) => {
  const docker = daemon();
  await docker.ok('run', '-d', '--name', 'one', 'busybox', 'sleep', '100000');
  const address = await addressOf(docker, 'one');
  t.regex(await docker.ok('exec', 'one', 'ip', 'addr'), new RegExp(`inet ${address}/16 .*eth0`));
  await docker.ok('kill', 'one');
  await eventually('the address was free', async () => (await docker.ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{end}}', 'bridge')).split(' ').every((name) => name !== 'one'));
  t.is(await addressOf(docker, 'one'), '');
  await docker.ok('rm', 'one');
});
