// frames.ts: what daemon and keeper say to each other over the keeper's unix socket

/**
 * Counts up with each change that an older keeper or daemon would misread. A daemon that finds a keeper of another
 * number ends it and starts its own: the pipes of running containers keep what is written meanwhile.
 */
export const protocol = 1;

/** Keeps a host port and carries what reaches it to the container: for connections that no NAT rule redirects. */
export interface ProxiedPort {
  /** Chosen by who publishes: `<container id>/80/tcp/127.0.0.1:8080`. */
  readonly key: string;
  readonly protocol: 'tcp' | 'udp';
  /** `0.0.0.0`, `127.0.0.1`, `::`, `::1`, ...; `::` means IPv6 alone. */
  readonly hostIp: string;
  /** 0: any free one. */
  readonly hostPort: number;
  readonly targetIp: string;
  readonly targetPort: number;
}

/** What linuxStdio asks the keeper to hold open: all options are checked and resolved already. */
export interface StreamSettings {
  readonly id: string;
  /** Paths; empty where there is none. */
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly tty: boolean;
  /** The first attached client that ends its input ends the container's. */
  readonly stdinOnce: boolean;
  readonly log: LogSettings;
}

export interface LogSettings {
  /** The file that `docker logs` reads; null for the driver none. */
  readonly file: FileSettings | null;
  /** Where else lines go; null for the drivers that are a file and nothing more. */
  readonly remote: RemoteSettings | null;
}

export interface FileSettings {
  readonly path: string;
  /** Bytes at which the next line goes to a new file; 0: never. */
  readonly maxSize: number;
  /** How many files there are at most, the current one included. */
  readonly maxFiles: number;
  readonly compress: boolean;
  /** Written beside each line; null: none. */
  readonly attributes: Readonly<Record<string, string>> | null;
}

export interface RemoteSettings {
  readonly driver: 'syslog' | 'journald' | 'fluentd' | 'gelf';
  readonly tag: string;
  /** The driver's own options, as they were given. */
  readonly options: Readonly<Record<string, string>>;
  /** Labels and environment that were asked for, by name. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly container: ContainerFacts;
  /** Bytes that may wait; when they are full the container waits, or lines are dropped if `lossy`. */
  readonly bufferBytes: number;
  readonly lossy: boolean;
}

/** What drivers tell of the container. */
export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly command: string;
  readonly hostname: string;
}

export interface Wants {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** The first line on a connection says what the connection is for. */
export type Greeting =
  | { readonly hello: number }
  /** Afterwards: output as it is to the daemon; input in pieces from it, each with its length before it, length 0 for its end. */
  | { readonly attach: string; readonly wants: Wants }
  /** Afterwards: `.` to the daemon when the log grew, once for each byte from it; `E` when the run has ended. */
  | { readonly watch: string };

/** Each is a "make it so": a daemon asks again what a keeper died over. */
export type Request =
  | { readonly ask: 'open'; readonly settings: StreamSettings }
  | { readonly ask: 'drain'; readonly id: string }
  /** The runtime was told: the keeper may let go of the pipe. */
  | { readonly ask: 'closeStdin'; readonly id: string }
  /** Ids of the containers whose input ended and was not closed yet. */
  | { readonly ask: 'endedInputs' }
  | { readonly ask: 'forget'; readonly id: string }
  | { readonly ask: 'publish'; readonly port: ProxiedPort }
  | { readonly ask: 'unpublish'; readonly key: string }
  | { readonly ask: 'published' }
  | { readonly ask: 'end' };

export interface Answer {
  readonly n: number;
  readonly answer?: unknown;
  readonly error?: { readonly message: string; readonly code?: string };
}

/** `inputEnded`: all that clients wrote is in the pipe, and it is to be closed. */
export type Notice = { readonly notice: 'inputEnded'; readonly id: string };

export const lineOf = (message: object): string => `${JSON.stringify(message)}\n`;

/** Longest line of the control connection: settings with all labels and environment of a container. */
const longestLine = 16 * 1024 * 1024;

/** Gives each complete line of what arrives; false: a line is too long to be ours. */
export function lineSplitter(give: (line: string) => void): (chunk: Buffer) => boolean {
  let kept: Buffer[] = [];
  let keptLength = 0;
  return (chunk) => {
    let at = 0;
    for (let found = chunk.indexOf(0x0a); found >= 0; found = chunk.indexOf(0x0a, at)) {
      kept.push(chunk.subarray(at, found));
      const line = Buffer.concat(kept).toString('utf8');
      kept = [];
      keptLength = 0;
      at = found + 1;
      give(line);
    }
    if (at < chunk.length) kept.push(Buffer.from(chunk.subarray(at)));
    keptLength += chunk.length - at;
    return keptLength <= longestLine;
  };
}

/** Docker's frame around a piece of output of a container without a terminal (Engine API: ContainerAttach). */
export function framed(source: 'stdout' | 'stderr', chunk: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(8 + chunk.length);
  frame.writeUInt32BE(source === 'stdout' ? 0x01000000 : 0x02000000, 0);
  frame.writeUInt32BE(chunk.length, 4);
  chunk.copy(frame, 8);
  return frame;
}
