// keeper-client.ts: the daemon's side of the keeper, the process that holds streams and ports while daemons come and go
import type { ProxiedPort } from './frames.ts';

/**
 * One keeper serves one daemon: open it once per exec-root and hand it to whoever needs it.
 *
 *     const keeper = await openKeeper('/run/tallyd');
 *     const hostPort = await keeper.publish({ key: `${id}/80/tcp/0.0.0.0`, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 0,
 *       targetIp: '172.17.0.2', targetPort: 80 });             // rejects with an Error whose `code` is 'EADDRINUSE'
 *     await keeper.unpublish(`${id}/80/tcp/0.0.0.0`);
 *
 * A published port stays published while no daemon runs, and is there again after the keeper itself died and was restarted.
 */
export interface Keeper {
  /** Gives the host port. Asking again with the same key: nothing to do when all is the same, else the port is replaced. */
  publish(port: ProxiedPort): Promise<number>;
  /** Closes the port and the connections through it; nothing to do when there is no such key. */
  unpublish(key: string): Promise<void>;
  /** All that are published now, with their real host ports. */
  published(): Promise<ProxiedPort[]>;
}

export type { ProxiedPort } from './frames.ts';

/** Finds the running keeper of this exec-root, or starts one. */
export function openKeeper(execRoot: string): Promise<Keeper> {
  return Promise.reject(new Error(`no keeper can be started in ${execRoot} yet`));
}
