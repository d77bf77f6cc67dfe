// rules.test.ts: what is decided without a registry: endpoints, platforms, challenges, errors
import test from 'ava';
import { parseChallenges } from '../../../actors/registry/challenge.ts';
import { endpointsOf } from '../../../actors/registry/endpoint.ts';
import { pullFailure, readError, RegistryError } from '../../../actors/registry/fault.ts';
import { choosePlatform, sayPlatform } from '../../../actors/registry/platform.ts';
import type { WorldFailure } from '../../../actors/world.ts';

const bases = (domain: string, options = {}): string[] => endpointsOf(domain, options).map(({ base }) => base);

test('Docker Hub is asked over HTTPS, after its mirrors', (t) => {
  t.deepEqual(bases('docker.io'), ['https://registry-1.docker.io']);
  t.deepEqual(bases('docker.io', { mirrors: ['https://mirror.example/'] }), ['https://mirror.example', 'https://registry-1.docker.io']);
  t.deepEqual(bases('ghcr.io', { mirrors: ['https://mirror.example/'] }), ['https://ghcr.io']);
});

test('plain HTTP is for loopback and for registries that the configuration names', (t) => {
  t.deepEqual(bases('registry.example:5000'), ['https://registry.example:5000']);
  for (const domain of ['localhost:5000', 'localhost', '127.0.0.1:5000', '127.9.9.9', '[::1]:5000']) t.deepEqual(bases(domain), [`https://${domain}`, `http://${domain}`]);
  const insecure = ['registry.example:5000', '10.1.0.0/16'];
  for (const domain of ['registry.example:5000', '10.1.2.3:80']) t.deepEqual(bases(domain, { insecure }), [`https://${domain}`, `http://${domain}`]);
  for (const domain of ['registry.example', '10.2.0.1', '10.1.0.0.example']) t.deepEqual(bases(domain, { insecure }), [`https://${domain}`]);
});

const offer = (...names: string[]) =>
  names.map((name) => {
    const [os = '', architecture = '', variant] = name.split('/');
    return { name, platform: { os, architecture, variant } };
  });
const chosen = (offered: string[], wanted: string, byName = false): string | null => {
  const [os = '', architecture = '', variant] = wanted.split('/');
  return choosePlatform(offer(...offered), { os, architecture, variant }, byName)?.name ?? null;
};

test('the image for the machine is chosen out of an index, or the best that it can run', (t) => {
  t.is(chosen(['linux/arm64/v8', 'linux/amd64'], 'linux/amd64'), 'linux/amd64');
  t.is(chosen(['windows/amd64', 'linux/386'], 'linux/amd64'), 'linux/386');
  t.is(chosen(['linux/amd64', 'linux/arm64'], 'linux/arm64'), 'linux/arm64');
  t.is(chosen(['linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6'], 'linux/arm64'), 'linux/arm/v7');
  t.is(chosen(['linux/arm/v7', 'linux/arm/v6'], 'linux/arm/v6'), 'linux/arm/v6');
  t.is(chosen(['linux/arm/v7', 'linux/arm/v5'], 'linux/arm/v6'), 'linux/arm/v5');
  t.is(chosen(['unknown/unknown', 'linux/s390x'], 'linux/amd64'), null);
});

test('a platform that was asked for by name is not replaced by another', (t) => {
  t.is(chosen(['linux/386'], 'linux/amd64', true), null);
  t.is(chosen(['linux/arm/v7'], 'linux/arm64', true), null);
  t.is(chosen(['linux/arm64/v8'], 'linux/arm64', true), 'linux/arm64/v8');
  t.is(sayPlatform({ os: 'linux', architecture: 'arm', variant: 'v7' }), 'linux/arm/v7');
});

test('a challenge is read with its parameters, quoted or not', (t) => {
  t.deepEqual(parseChallenges('Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"'), [
    { scheme: 'bearer', parameters: { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a/b:pull,push' } },
  ]);
  t.deepEqual(parseChallenges('Basic realm="a \\"b\\"", Bearer realm=x'), [
    { scheme: 'basic', parameters: { realm: 'a "b"' } },
    { scheme: 'bearer', parameters: { realm: 'x' } },
  ]);
  t.deepEqual(parseChallenges(''), []);
});

const told = (status: number, body: object, headers = {}): WorldFailure =>
  pullFailure(readError(status, 'Status', headers, JSON.stringify(body)), 'thing', 'thing:1') as WorldFailure;
const errors = (code: string, message: string) => ({ errors: [{ code, message }] });

test('what a registry refuses is told in the sentences that Docker has for it', (t) => {
  const missing = told(404, errors('MANIFEST_UNKNOWN', 'manifest unknown'));
  t.is(missing.message, 'manifest for thing:1 not found: manifest unknown: manifest unknown');
  t.is(missing.failure.reason, 'imageMissing');
  const denied = told(401, errors('UNAUTHORIZED', 'x'), { 'www-authenticate': 'Bearer realm="r",error="insufficient_scope"' });
  t.is(denied.message, "pull access denied for thing, repository does not exist or may require 'docker login': denied: requested access to the resource is denied");
  t.is(denied.failure.reason, 'imageMissing');
  t.is(told(401, errors('UNAUTHORIZED', 'authentication required')).failure.reason, 'unauthorized');
  t.is(told(404, errors('NAME_UNKNOWN', 'repository name not known to registry')).message, 'repository thing not found: name unknown: repository name not known to registry');
  t.is(told(429, errors('TOOMANYREQUESTS', 'slow down')).message, 'toomanyrequests: slow down');
  t.is(told(503, {}).message, 'received unexpected HTTP status: 503 Status');
  t.true(readError(418, "I'm a teapot", {}, 'no json') instanceof RegistryError);
});
