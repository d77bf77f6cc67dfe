// command.ts: what somebody asks of one entity; decided against its snapshot, never logged as such

/** `at` is the time at which the command is decided, nanoseconds since the epoch: charts have no clock. */
export interface Command<Name extends string = string> {
  readonly name: Name;
}
