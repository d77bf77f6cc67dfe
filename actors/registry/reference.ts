// reference.ts: names of images as people write them, and their full form: `busybox` is docker.io/library/busybox:latest
import { WorldFailure } from '../world.ts';

export interface Reference {
  /** `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag: string | null;
  /** `sha256:<hex>`. */
  readonly digest: string | null;
}

export const defaultDomain = 'docker.io';
const official = 'library/';
const longestName = 255;
const hexLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const label = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagShape = /^\w[\w.-]{0,127}$/;
const digestShape = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const identifier = /^[a-f0-9]{64}$/;

const wrong = (message = 'invalid reference format'): never => {
  throw new WorldFailure('invalid', message);
};

const splitDomain = (name: string): [domain: string, rest: string] => {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const named = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  const [domain, rest] = slash === -1 || !named ? [defaultDomain, name] : [first, name.slice(slash + 1)];
  const known = domain === 'index.docker.io' ? defaultDomain : domain;
  return [known, known === defaultDomain && !rest.includes('/') ? official + rest : rest];
};

const checkDomain = (domain: string): void => {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:]*)(?::(\d+))?$/.exec(domain);
  const host = match?.[1] ?? wrong();
  if (!host.startsWith('[') && !host.split('.').every((part) => label.test(part))) wrong();
};

const checkDigest = (digest: string): void => {
  if (!digestShape.test(digest)) wrong();
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = hexLengths[algorithm] ?? wrong('unsupported digest algorithm');
  if (hex.length !== length) wrong('invalid checksum digest length');
  if (!/^[0-9a-f]+$/.test(hex)) wrong('invalid checksum digest format');
};

/** Throws `invalid` with Docker's sentence. Neither tag nor digest is added where none is written. */
export const parseReference = (text: string): Reference => {
  if (identifier.test(text)) wrong(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const [domain, rest] = splitDomain(text);
  const at = rest.indexOf('@');
  const digest = at === -1 ? null : rest.slice(at + 1);
  const named = at === -1 ? rest : rest.slice(0, at);
  const colon = named.indexOf(':');
  const path = colon === -1 ? named : named.slice(0, colon);
  const tag = colon === -1 ? null : named.slice(colon + 1);
  if (path.toLowerCase() !== path) wrong(`invalid reference format: repository name (${path}) must be lowercase`);
  checkDomain(domain);
  if (!path.split('/').every((part) => component.test(part))) wrong();
  if (tag !== null && !tagShape.test(tag)) wrong();
  if (digest !== null) checkDigest(digest);
  if (domain.length + 1 + path.length > longestName) wrong(`repository name must not be more than ${longestName} characters`);
  return { domain, path, tag, digest };
};

/** With `latest` where neither tag nor digest is written. */
export const withDefaultTag = (reference: Reference): Reference =>
  reference.tag === null && reference.digest === null ? { ...reference, tag: 'latest' } : reference;

const suffix = ({ tag, digest }: Reference): string => (tag === null ? '' : `:${tag}`) + (digest === null ? '' : `@${digest}`);

/** `docker.io/library/busybox`. */
export const repositoryName = ({ domain, path }: Reference): string => `${domain}/${path}`;

/** `busybox`, as Docker prints it. */
export const familiarRepository = ({ domain, path }: Reference): string => {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  return path.startsWith(official) && !path.slice(official.length).includes('/') ? path.slice(official.length) : path;
};

/** `docker.io/library/busybox:latest`. */
export const fullName = (reference: Reference): string => repositoryName(reference) + suffix(reference);

/** `busybox:latest`. */
export const familiarName = (reference: Reference): string => familiarRepository(reference) + suffix(reference);
