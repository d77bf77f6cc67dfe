// system.ts: what the daemon tells of itself: GET and HEAD /_ping, /version, /info
import { json, query, type Answer, type Call, type Row } from './route.ts';
import { infoJson, versionJson } from './shapes/info.ts';

/** The builder of version 1 is the only one that clients may ask for without a session. moby: router/system pingHandler */
const ping = (): Answer => ({
  is: 'text', text: 'OK', headers: { 'Cache-Control': 'no-cache, no-store, must-revalidate', Pragma: 'no-cache', 'Builder-Version': '1', Swarm: 'inactive' },
});

const info = async ({ face, engine, roster, version }: Call) => json(infoJson(face, roster, await engine.world.host.info(), version));
const version = async ({ face, engine }: Call) => json(versionJson(face, await engine.world.host.info()));

export const rows: readonly Row[] = [query('GET', '/_ping', ping), query('HEAD', '/_ping', ping), query('GET', '/version', version), query('GET', '/info', info)];
