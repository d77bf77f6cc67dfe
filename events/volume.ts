// volume.ts: the facts of a volume
import * as v from 'valibot';
import { declare, fact, record, type FactOf } from './fact.ts';
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

const text = v.string();
const none = v.object({});
export const volume = declare('volume', {
  createRequested: fact(null, v.object({ volume: record<VolumeRecord>() }), {
    volume: { name: 'data', driver: 'local', options: {}, labels: {}, anonymous: false },
  }),
  created: fact('create', none, {}),
  createFailed: fact(null, Failure, { reason: 'invalid', message: 'unknown option' }),
  mounted: fact('mount', v.object({ containerId: text, destination: text, readWrite: v.boolean(), propagation: text }), {
    containerId: '4c01', destination: '/data', readWrite: true, propagation: '',
  }),
  unmounted: fact('unmount', v.object({ containerId: text }), { containerId: '4c01' }),
  removeRequested: fact(null, none, {}),
  removed: fact('destroy', none, {}),
  removeFailed: fact(null, Failure, { reason: 'other', message: 'device is busy' }),
});
export type VolumeFact = FactOf<typeof volume>;
