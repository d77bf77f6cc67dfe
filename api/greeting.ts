// greeting.ts: what a newcomer types next
import type { Options } from './flags.ts';
import { addressText } from './listener-address.ts';

/** busybox of this machine becomes an image: the first run needs no registry. Hard links: they are true inside the image too. */
const firstImage =
  `d=$(mktemp -d) && mkdir $d/bin $d/tmp && cp /bin/busybox $d/bin && $d/bin/busybox --install $d/bin && tar -C $d -c . | docker import -c 'CMD ["sh"]' - busybox`;

export function greeting({ hosts }: Options): string {
  const host = hosts[0] ? addressText(hosts[0]) : '';
  const lines = [
    '', 'tallyd is ready. In another terminal:', '', `  export DOCKER_HOST=${host}`, `  ${firstImage}`,
    '  docker run --rm busybox echo hello', '  docker events --since 0 --until 0s', '',
  ];
  return lines.join('\n');
}
