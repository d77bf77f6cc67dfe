// credentials.ts: what a client sends along for a registry
import type { IncomingHttpHeaders } from 'node:http';
import type { Credentials } from '../../actors/world.ts';

/** `X-Registry-Auth`, base64url of JSON. What cannot be read counts as not given, as for dockerd. moby: api/types/registry DecodeAuthConfig */
export function credentialsOf(headers: IncomingHttpHeaders): Credentials | null {
  const header = headers['x-registry-auth'];
  if (typeof header !== 'string' || header === '') return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    if (typeof parsed !== 'object' || parsed === null) return null;
    const given = Object.entries(parsed).filter(([, value]) => typeof value === 'string' && value !== '');
    return given.length === 0 ? null : (Object.fromEntries(given) as Credentials);
  } catch {
    return null;
  }
}
