// _schema.ts: does an answer have the shape that Docker's own description of its API gives it? `deviations('GET', '/images/json', 200, value)`
import { existsSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

/** Of the Engine API, version 1.51; without it nothing is compared. */
const file = process.env.ENGINE_API_SPEC ?? new URL('../../../shared/engine-api-v1.51.yaml', import.meta.url).pathname;

interface Operation {
  readonly responses: Readonly<Record<string, { readonly schema?: object }>>;
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly definitions: Readonly<Record<string, object>>;
}
const description: Description | null = existsSync(file) ? (parse(readFileSync(file, 'utf8')) as Description) : null;

/** `GET /containers/json`, all that the description has; null when it is not here. */
export const operations: readonly string[] | null =
  description &&
  Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => method !== 'parameters')
      .map((method) => `${method.toUpperCase()} ${path}`));

type Schema = Record<string, unknown>;

/** Go writes null for a list or a map that is not there; whatever may be null says so in Swagger 2 by `x-nullable`. */
function translated(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(translated);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { 'x-nullable': nullable, example: _example, format: _format, ...rest } = schema as Schema;
  const result: Schema = {};
  for (const [key, value] of Object.entries(rest)) {
    result[key] = key === 'properties' ? mapped(value as Schema) : key === 'enum' ? value : translated(value);
  }
  const mayBeNull = nullable ?? ['array', 'object'].includes(String(rest.type));
  return mayBeNull ? { anyOf: [result, { type: 'null' }] } : result;
}
const mapped = (properties: Schema): Schema => Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, translated(schema)]));

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });
if (description) ajv.addSchema({ $id: 'engine', definitions: mapped(description.definitions as Schema) });

const validators = new Map<string, ValidateFunction>();
function validatorOf(key: string, schema: unknown): ValidateFunction {
  const known = validators.get(key);
  if (known) return known;
  const local = JSON.parse(JSON.stringify(translated(schema)).replaceAll('"#/definitions/', '"engine#/definitions/')) as object;
  const made = ajv.compile(local);
  validators.set(key, made);
  return made;
}

/** The description's own path for one that was asked for: `/v1.51/containers/web/json?size=1` is `/containers/{id}/json`. */
export function operationOf(method: string, asked: string): string | null {
  const path = asked.replace(/\?.*$/, '').replace(/^\/v1\.\d+/, '');
  if (!description) return null;
  const fitting = Object.keys(description.paths).filter((each) => {
    const pattern = each.replace(/\{name\}/g, '.+').replace(/\{\w+\}/g, '[^/]+');
    return method.toLowerCase() in description.paths[each]! && new RegExp(`^${pattern}$`).test(path);
  });
  return fitting.sort((a, b) => a.split('{').length - b.split('{').length)[0] ?? null;
}

/** dockerd answers bad input and conflicts so wherever they occur; the description has it only here and there. */
const undescribed = [400, 409];

/** dockerd itself answers null here where nothing was said, and clients rely on it. */
const nulls = ['/MemorySwappiness', '/OomKillDisable', '/PidsLimit', '/ExitCode'];

/** One sentence for each way in which the answer differs from its description; empty when there is nothing to compare with. */
export function deviations(method: string, asked: string, status: number, value: unknown): string[] {
  const path = operationOf(method, asked);
  if (!description || path === null) return [];
  const response = description.paths[path]![method.toLowerCase()]!.responses[String(status)];
  if (!response && undescribed.includes(status)) return typeof (value as { message?: unknown }).message === 'string' ? [] : [`${method} ${path} ${status} has no message`];
  if (!response && status < 400) return [`${method} ${path} has no answer ${status}`];
  // dockerd refuses with more statuses than are written down, always in the same shape.
  const schema = response ? response.schema : { $ref: '#/definitions/ErrorResponse' };
  if (!schema) return [];
  const validator = validatorOf(`${method} ${path} ${status}`, schema);
  if (validator(value)) return [];
  return (validator.errors ?? [])
    .filter((error) => !nulls.some((field) => error.instancePath.endsWith(field)))
    .filter((error) => error.keyword !== 'anyOf' && !(error.keyword === 'type' && error.params.type === 'null'))
    .map((error) => `${method} ${path} ${status} ${error.instancePath}: ${error.message}`);
}
