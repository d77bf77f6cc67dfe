// host-dns.test.ts: which nameservers containers are given
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hostDns } from '../../../actors/network/host-dns.ts';

function dnsOf(t: ExecutionContext, host: string | null, resolved: string | null = null) {
  const folder = mkdtempSync(join(tmpdir(), 'tallyd-dns-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const paths = { host: join(folder, 'host'), resolved: join(folder, 'resolved') };
  if (host !== null) writeFileSync(paths.host, host);
  if (resolved !== null) writeFileSync(paths.resolved, resolved);
  return hostDns(paths);
}

test('nameservers, search domains and options are the host\'s', (t) => {
  const text = '# made by hand\nsearch example.org lan ; of the office\nnameserver 10.0.0.53\nnameserver 10.0.0.54\noptions ndots:2 rotate\n';
  t.deepEqual(dnsOf(t, text), { servers: ['10.0.0.53', '10.0.0.54'], search: ['example.org', 'lan'], options: ['ndots:2', 'rotate'] });
});

test('a nameserver on the host\'s loopback is of no use to a container', (t) => {
  t.deepEqual(dnsOf(t, 'nameserver 127.0.0.1\nnameserver 10.0.0.53\nnameserver ::1\nnameserver fd00::53\n').servers, ['10.0.0.53']);
});

test('behind systemd-resolved its own nameservers are used', (t) => {
  t.deepEqual(dnsOf(t, 'nameserver 127.0.0.53\noptions edns0\nsearch .\n', 'nameserver 192.0.2.53\nsearch lan\n'), { servers: ['192.0.2.53'], search: ['lan'], options: [] });
});

test('a host without a usable nameserver gets public ones', (t) => {
  for (const text of [null, '', 'nameserver 127.0.0.1\n', 'nameserver 127.0.0.53\n']) t.deepEqual(dnsOf(t, text).servers, ['8.8.8.8', '8.8.4.4']);
});
