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
