// random.ts: numbers that nobody can guess
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Random } from '../../world.ts';

export const linuxRandom: Random = {
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  uuid: () => randomUUID(),
  integer: (below) => (below > 1 ? randomInt(below) : 0),
};
