// fault.ts: what goes wrong between us and a registry, in Docker's sentences
import { WorldFailure } from '../world.ts';
import { parseChallenges } from './challenge.ts';

/** A registry's own word for what is wrong: `MANIFEST_UNKNOWN`, `DENIED`. */
export class RegistryError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status: number) {
    super(`${code.toLowerCase().replaceAll('_', ' ')}: ${message}`);
    this.name = 'RegistryError';
    this.code = code;
    this.status = status;
  }
}

/** The registry was not reached, or went away in the middle: worth another try. */
export class ConnectionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConnectionError';
  }
}

/** The OCI distribution spec's table of error codes. */
const usual: Readonly<Record<string, string>> = {
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  NAME_UNKNOWN: 'repository name not known to registry',
  MANIFEST_UNKNOWN: 'manifest unknown',
  BLOB_UNKNOWN: 'blob unknown to registry',
  TOOMANYREQUESTS: 'too many requests',
};
/** RFC 6750 section 3.1. */
const bearerErrors: Readonly<Record<string, string>> = { invalid_token: 'UNAUTHORIZED', insufficient_scope: 'DENIED' };
const statusCodes: Readonly<Record<number, string>> = { 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS' };

interface ErrorBody {
  errors?: { code?: string; message?: string; detail?: unknown }[];
  details?: string;
  message?: string;
}

const readBody = (body: string): ErrorBody => {
  try {
    return (JSON.parse(body) ?? {}) as ErrorBody;
  } catch {
    return {};
  }
};

/** Out of an answer that is no success. `otherwise` is the code where the registry names none: a HEAD has no body. */
export const readError = (status: number, statusText: string, headers: { 'www-authenticate'?: string }, body: string, otherwise?: string): RegistryError | ConnectionError => {
  if (status >= 500) return new ConnectionError(`received unexpected HTTP status: ${status} ${statusText}`);
  const bearer = parseChallenges(headers['www-authenticate'] ?? '').find(({ scheme, parameters }) => scheme === 'bearer' && bearerErrors[parameters['error'] ?? '']);
  if (bearer !== undefined) {
    const code = bearerErrors[bearer.parameters['error'] ?? ''] ?? '';
    return new RegistryError(code, bearer.parameters['error_description'] ?? usual[code] ?? '', status);
  }
  const told = readBody(body);
  const first = told.errors?.[0];
  const code = first?.code ?? statusCodes[status] ?? otherwise;
  if (code === undefined) return new RegistryError('UNKNOWN', `received unexpected HTTP status: ${status} ${statusText}`, status);
  return new RegistryError(code, first?.message || told.details || told.message || usual[code] || statusText, status);
};

interface NodeError extends Error {
  code?: string;
  address?: string;
  port?: number;
  hostname?: string;
  errors?: NodeError[];
}

const causes: Readonly<Record<string, (error: NodeError, address: string) => string>> = {
  ECONNREFUSED: (_, address) => `dial tcp ${address}: connect: connection refused`,
  EHOSTUNREACH: (_, address) => `dial tcp ${address}: connect: no route to host`,
  ENETUNREACH: (_, address) => `dial tcp ${address}: connect: network is unreachable`,
  ETIMEDOUT: (_, address) => `dial tcp ${address}: i/o timeout`,
  ENOTFOUND: (error) => `dial tcp: lookup ${error.hostname ?? ''}: no such host`,
  EAI_AGAIN: (error) => `dial tcp: lookup ${error.hostname ?? ''}: Temporary failure in name resolution`,
  ECONNRESET: () => 'read: connection reset by peer',
  EPROTO: () => 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: () => 'http: server gave HTTP response to HTTPS client',
  CERT_HAS_EXPIRED: () => 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: () => 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: () => 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
};

/** Node's error of a request, as Go would say it: `Get "https://host/v2/": dial tcp 127.0.0.1:1: connect: connection refused`. */
export const explain = (method: string, url: URL, thrown: unknown): ConnectionError => {
  const outer = thrown as NodeError;
  const error = outer.errors?.at(-1) ?? outer;
  const host = error.address?.includes(':') === true ? `[${error.address}]` : error.address;
  const sentence = causes[error.code ?? '']?.(error, `${host ?? url.hostname}:${error.port ?? url.port}`) ?? error.message;
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  return new ConnectionError(`${verb} "${url.href}": ${sentence}`);
};

const notFound: Readonly<Record<string, (repository: string, name: string) => string>> = {
  DENIED: (repository) => `pull access denied for ${repository}, repository does not exist or may require 'docker login'`,
  MANIFEST_UNKNOWN: (_, name) => `manifest for ${name} not found`,
  NAME_UNKNOWN: (repository) => `repository ${repository} not found`,
};
const refusedCodes = ['UNAUTHORIZED', 'DENIED'];

/** The failure of a pull. moby: distribution/errors.go */
export const pullFailure = (error: unknown, repository: string, name: string): unknown => {
  if (error instanceof ConnectionError) return new WorldFailure('registryFailed', error.message);
  if (!(error instanceof RegistryError)) return error;
  const missing = notFound[error.code];
  if (missing !== undefined) return new WorldFailure('imageMissing', `${missing(repository, name)}: ${error.message}`);
  return new WorldFailure(error.code === 'UNAUTHORIZED' ? 'unauthorized' : 'registryFailed', error.message);
};

/** The failure of a push or a login. */
export const accessFailure = (error: unknown): unknown => {
  if (error instanceof ConnectionError) return new WorldFailure('registryFailed', error.message);
  if (!(error instanceof RegistryError)) return error;
  return new WorldFailure(refusedCodes.includes(error.code) ? 'unauthorized' : 'registryFailed', error.message);
};
