// libc.ts: the few calls of the C library that Node has no name for
import { createRequire } from 'node:module';
import type * as Ffi from 'node:ffi';

const calls = {
  mkfifo: { return: 'i32', arguments: ['string', 'u32'] },
  lgetxattr: { return: 'i64', arguments: ['string', 'string', 'buffer', 'u64'] },
  mount: { return: 'i32', arguments: ['string', 'string', 'string', 'u64', 'string'] },
  umount2: { return: 'i32', arguments: ['string', 'i32'] },
  getsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'buffer', 'buffer'] },
  flock: { return: 'i32', arguments: ['i32', 'i32'] },
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  sendto: { return: 'i64', arguments: ['i32', 'buffer', 'u64', 'i32', 'buffer', 'u32'] },
  close: { return: 'i32', arguments: ['i32'] },
} as const;

const load = (): Ffi.DynamicLibraryResult<typeof calls>['functions'] | null => {
  try {
    // A require, because an import of a builtin that this Node lacks could not be caught.
    const ffi = createRequire(import.meta.url)('node:ffi') as typeof Ffi;
    return ffi.dlopen(null, calls).functions;
  } catch {
    return null;
  }
};

/** Null where Node was built without its experimental `node:ffi`: each user of this has another way, or does without. */
export const libc = load();
