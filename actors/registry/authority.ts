// authority.ts: what is written into `Authorization`: Basic, or the Bearer token that a token server gives
import type { Credentials } from '../world.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { RegistryError } from './fault.ts';
import { type Carrier, expectSuccess, readAll } from './http.ts';

const longestToken = 1024 * 1024;
const clientId = 'docker';

const hasPassword = (credentials: Credentials | null): credentials is Credentials & { username: string } =>
  credentials?.username !== undefined && credentials.username !== '';

const basic = ({ username = '', password = '' }: Credentials): string => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

const form = (values: Readonly<Record<string, string>>): Buffer => Buffer.from(new URLSearchParams(values).toString());

const askToken = (carrier: Carrier, challenge: Challenge, scope: string, credentials: Credentials | null, signal: AbortSignal) => {
  const { realm = '', service = '' } = challenge.parameters;
  if (!URL.canParse(realm)) throw new RegistryError('UNAUTHORIZED', `invalid token realm ${JSON.stringify(realm)}`, 401);
  const url = new URL(realm);
  const refresh = credentials?.identitytoken;
  if (refresh !== undefined && refresh !== '') {
    const body = form({ grant_type: 'refresh_token', refresh_token: refresh, service, client_id: clientId, ...(scope === '' ? {} : { scope }) });
    return carrier.send({ method: 'POST', url, body, signal, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  }
  if (service !== '') url.searchParams.set('service', service);
  if (scope !== '') url.searchParams.set('scope', scope);
  if (!hasPassword(credentials)) return carrier.send({ method: 'GET', url, signal });
  url.searchParams.set('account', credentials.username);
  return carrier.send({ method: 'GET', url, signal, headers: { authorization: basic(credentials) } });
};

/** The header's value that answers a 401; null when there is nothing to answer with. */
export const authorise = async (
  carrier: Carrier,
  header: string,
  scope: string,
  credentials: Credentials | null,
  signal: AbortSignal,
): Promise<string | null> => {
  const challenges = parseChallenges(header);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  if (bearer !== undefined && credentials?.registrytoken) return `Bearer ${credentials.registrytoken}`;
  if (bearer !== undefined) {
    const answer = await expectSuccess(await askToken(carrier, bearer, scope, credentials, signal), 'UNAUTHORIZED');
    const told = JSON.parse((await readAll(answer, longestToken)).toString()) as { token?: string; access_token?: string };
    const token = told.token ?? told.access_token;
    if (token === undefined) throw new RegistryError('UNAUTHORIZED', 'authorization server did not include a token in the response', 401);
    return `Bearer ${token}`;
  }
  return challenges.some(({ scheme }) => scheme === 'basic') && hasPassword(credentials) ? basic(credentials) : null;
};
