// uuid.ts: the UUID of a fact, where nothing else is taken as an id
import { createHash } from 'node:crypto';

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => form.test(text);

/** Of this text and no other; the same wherever it is asked. RFC 9562, version 8: the rest is ours. */
export function uuidFrom(text: string): string {
  const hash = createHash('sha256').update(text).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** An id that is a UUID stands for itself. */
export const uuidOf = (id: string): string => (isUuid(id) ? id.toLowerCase() : uuidFrom(id));
