// unsupported.ts: operations of Docker's API that this daemon does not have, each answered with a sentence that says so
import { Refused } from '../../actors/refused.ts';
import type { Row } from './route.ts';

const swarm = 'swarm is not supported: this daemon runs the containers of one machine';
const plugins = 'plugins are not supported by this daemon';
const build = 'building images is not supported by this daemon yet: build elsewhere and load or pull the image';

const yet = (what: string): string => `${what} is not supported by this daemon yet`;

const table: readonly (readonly [method: Row['method'], path: string, sentence: string])[] = [
  ['GET', '/containers/{id}/export', yet('exporting a container')],
  ['GET', '/containers/{id}/attach/ws', yet('attaching over a websocket')],
  ['HEAD', '/containers/{id}/archive', yet('copying files')],
  ['GET', '/containers/{id}/archive', yet('copying files')],
  ['PUT', '/containers/{id}/archive', yet('copying files')],
  ['POST', '/auth', yet('logging in to a registry')],
  ['GET', '/distribution/{name*}/json', yet('asking a registry about an image')],
  ['POST', '/networks/{id*}/connect', yet('connecting a container that exists')],
  ['POST', '/networks/{id*}/disconnect', yet('disconnecting a container')],
  ['POST', '/build', build],
  ['POST', '/session', build],
  ['GET', '/images/search', 'searching a registry is not supported by this daemon'],
  ['GET', '/plugins', plugins],
  ['GET', '/plugins/privileges', plugins],
  ['POST', '/plugins/pull', plugins],
  ['GET', '/plugins/{name*}/json', plugins],
  ['DELETE', '/plugins/{name*}', plugins],
  ['POST', '/plugins/{name*}/enable', plugins],
  ['POST', '/plugins/{name*}/disable', plugins],
  ['POST', '/plugins/{name*}/upgrade', plugins],
  ['POST', '/plugins/create', plugins],
  ['POST', '/plugins/{name*}/push', plugins],
  ['POST', '/plugins/{name*}/set', plugins],
  ['GET', '/nodes', swarm],
  ['GET', '/nodes/{id}', swarm],
  ['DELETE', '/nodes/{id}', swarm],
  ['POST', '/nodes/{id}/update', swarm],
  ['GET', '/swarm', swarm],
  ['POST', '/swarm/init', swarm],
  ['POST', '/swarm/join', swarm],
  ['POST', '/swarm/leave', swarm],
  ['POST', '/swarm/update', swarm],
  ['GET', '/swarm/unlockkey', swarm],
  ['POST', '/swarm/unlock', swarm],
  ['GET', '/services', swarm],
  ['POST', '/services/create', swarm],
  ['GET', '/services/{id}', swarm],
  ['DELETE', '/services/{id}', swarm],
  ['POST', '/services/{id}/update', swarm],
  ['GET', '/services/{id}/logs', swarm],
  ['GET', '/tasks', swarm],
  ['GET', '/tasks/{id}', swarm],
  ['GET', '/tasks/{id}/logs', swarm],
  ['GET', '/secrets', swarm],
  ['POST', '/secrets/create', swarm],
  ['GET', '/secrets/{id}', swarm],
  ['DELETE', '/secrets/{id}', swarm],
  ['POST', '/secrets/{id}/update', swarm],
  ['GET', '/configs', swarm],
  ['POST', '/configs/create', swarm],
  ['GET', '/configs/{id}', swarm],
  ['DELETE', '/configs/{id}', swarm],
  ['POST', '/configs/{id}/update', swarm],
  ['PUT', '/volumes/{name}', swarm],
];

export const rows: readonly Row[] = table.map(([method, path, sentence]) => ({
  method,
  path,
  is: 'query',
  answer: () => {
    throw new Refused('notImplemented', sentence);
  },
}));
