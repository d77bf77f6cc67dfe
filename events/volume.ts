// volume.ts: the facts of a volume
import Type from 'typebox';
import { declare, fact, type FactOf } from './fact.ts';
import { Failure } from './failure.ts';

/** A volume of the local driver. */
export interface VolumeRecord {
  name: string;
  driver: 'local';
  /** `type`, `device`, `o`: what mount(8) is given; empty for a plain folder. */
  options: Record<string, string>;
  labels: Record<string, string>;
  /** Made without a name: pruned by default, removed with its container on `rm -v`. */
  anonymous: boolean;
}

const text = Type.String();
const none = Type.Object({});
export const volume = declare('volume', {
  createRequested: fact(null, Type.Object({ volume: Type.Unsafe<VolumeRecord>({ type: 'object' }) }), {
    volume: { name: 'data', driver: 'local', options: {}, labels: {}, anonymous: false },
  }),
  created: fact('create', none, {}),
  createFailed: fact(null, Failure, { reason: 'invalid', message: 'unknown option' }),
  mounted: fact('mount', Type.Object({ containerId: text, destination: text, readWrite: Type.Boolean(), propagation: text }), {
    containerId: '4c01', destination: '/data', readWrite: true, propagation: '',
  }),
  unmounted: fact('unmount', Type.Object({ containerId: text }), { containerId: '4c01' }),
  removeRequested: fact(null, none, {}),
  removed: fact('destroy', none, {}),
  removeFailed: fact(null, Failure, { reason: 'other', message: 'device is busy' }),
});
export type VolumeFact = FactOf<typeof volume>;
