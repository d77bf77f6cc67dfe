// reach.ts: the first endpoint of a registry that is of use
import { endpointsOf } from './endpoint.ts';
import { ConnectionError } from './fault.ts';
import type { Reference } from './reference.ts';
import { type Access, openSession, type Session } from './session.ts';

/** Does the work at one endpoint after the other until it is done. The caller closes the session. */
export const reach = async <T>(reference: Reference, access: Omit<Access, 'path'>, work: (session: Session) => Promise<T>): Promise<{ session: Session; found: T }> => {
  const endpoints = endpointsOf(reference.domain, access.options);
  let last: unknown = null;
  for (const endpoint of endpoints) {
    let session: Session | null = null;
    try {
      session = await openSession(endpoint, { ...access, path: reference.path });
      return { session, found: await work(session) };
    } catch (error) {
      session?.close();
      last = error;
      // Only a mirror's no is no answer: the registry itself may say yes.
      if (access.signal.aborted || !(endpoint.mirror || error instanceof ConnectionError)) throw error;
    }
  }
  throw last;
};
