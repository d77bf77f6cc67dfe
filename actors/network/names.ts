// names.ts: how one daemon's chains, bridges and links are told apart from everybody else's
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';

/** Chains may have 28 characters, links 15 (IFNAMSIZ less its end). */
export interface Names {
  /** mangle: who may not enter a network. It is asked before anybody's filter chains, in whatever order daemons started. */
  readonly guard: string;
  /** filter: who may pass. */
  readonly forward: string;
  /** nat: published ports. */
  readonly publish: string;
  /** nat: outgoing traffic takes the host's address. */
  readonly masquerade: string;
  /** Links and namespaces go on with a number. */
  readonly link: string;
  /** Bridges go on with a number. */
  readonly bridge: string;
}

/** Six characters that stay the same for an exec-root, so that a restarted daemon finds what it had made. */
export const instanceOf = (execRoot: string): string => createHash('sha256').update(resolve(execRoot)).digest('hex').slice(0, 6);

export function namesOf(instance: string): Names {
  if (!/^[a-z0-9]{1,6}$/.test(instance)) throw new Error(`not an instance name: ${instance}`);
  return {
    guard: `TLY-${instance}-GUARD`,
    forward: `TLY-${instance}-FWD`,
    publish: `TLY-${instance}-NAT`,
    masquerade: `TLY-${instance}-OUT`,
    link: `tv${instance}-`,
    bridge: `tl${instance}-`,
  };
}
