// fact.ts: what a fact is, how a kind declares its facts, and what is recorded beside each
import * as v from 'valibot';

/** What happened, in the past tense: `container.started`. */
export interface Fact<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/** One row of a kind's table: its action in `docker events` (null: private), the schema of its data, an example. */
export interface Row<Schema extends v.GenericSchema = v.GenericSchema> {
  readonly docker: string | null;
  readonly schema: Schema;
  readonly example: v.InferOutput<Schema>;
}

export const fact = <Schema extends v.GenericSchema>(docker: string | null, schema: Schema, example: v.InferOutput<Schema>): Row<Schema> => ({
  docker,
  schema,
  example,
});

export const integer = v.pipe(v.number(), v.integer());

/** An object that is described by its type alone: what clients sent, already checked when it was decided upon. */
export const record = <T extends object>() => v.looseObject({}) as unknown as v.GenericSchema<T>;

// eslint-disable-next-line typescript/no-explicit-any
export interface Kind<Name extends string = string, Table extends Record<string, Row<any>> = Record<string, Row<any>>> {
  readonly kind: Name;
  readonly table: Table;
}

// eslint-disable-next-line typescript/no-explicit-any
export const declare = <const Name extends string, Table extends Record<string, Row<any>>>(
  kind: Name,
  table: Table,
): Kind<Name, Table> => ({ kind, table });

/** The union of all facts that a kind declares: `{type: 'container.started', data: {...}} | ...`. */
export type FactOf<D> =
  D extends Kind<infer Name, infer Table>
    ? {
        [Key in keyof Table & string]: Table[Key] extends Row<infer Schema> ? Fact<`${Name}.${Key}`, v.InferOutput<Schema>> : never;
      }[keyof Table & string]
    : never;

/** Who asked: a unix socket's peer by uid and pid, a TLS client by name, or the daemon itself. */
export interface Caller {
  readonly transport: 'unix' | 'tcp' | 'tls' | 'internal';
  readonly uid?: number;
  readonly pid?: number;
  readonly name?: string;
  readonly agent?: string;
}

/** Why a fact was recorded: the command that was decided, and what led to it. */
export interface Cause {
  /** The command's name: `start`, `reportExited`. */
  readonly command: string;
  readonly commandId: string;
  /** The same for all that one request of a client led to. */
  readonly correlationId: string;
  /** Position of the fact whose effect gave this command; null when a client asked. */
  readonly causation: number | null;
  readonly caller: Caller;
}

/** A fact as somebody wants it appended. */
export interface Proposed<F extends Fact = Fact> {
  readonly id: string;
  readonly type: F['type'];
  readonly data: F['data'];
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly cause: Cause;
}

/** A fact as the log has it. Positions grow, but are not contiguous for every store: treat them as opaque. */
export interface Recorded<F extends Fact = Fact> extends Proposed<F> {
  readonly position: number;
  readonly stream: string;
  /** 0 for the first fact of a stream. */
  readonly revision: number;
}

/** What a chart is given: the fact with the time it was recorded at, RFC 3339 with nanoseconds. */
export type Moved<F extends Fact> = F extends Fact<infer Type, infer Data> ? { readonly type: Type; readonly data: Data; readonly at: string } : never;
