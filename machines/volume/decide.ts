// decide.ts: which facts a command on a volume leads to, or why it is refused
import type { Failure } from '../../events/failure.ts';
import type { VolumeFact, VolumeRecord } from '../../events/volume.ts';
import { refuse, type Decision } from '../refusal.ts';
import type { Context, VolumeState } from './chart.ts';

export type VolumeCommand =
  /** Of a name that exists: nothing to do, unless the driver differs. */
  | { name: 'create'; volume: VolumeRecord }
  | { name: 'mount'; containerId: string; destination: string; readWrite: boolean; propagation: string }
  | { name: 'unmount'; containerId: string }
  /** `usedBy`: containers, running or not, that name it. */
  | { name: 'remove'; force: boolean; usedBy: readonly string[] };
export type VolumeReport =
  | { name: 'reportCreated' }
  | { name: 'reportCreateFailed'; failure: Failure }
  | { name: 'reportRemoved' }
  | { name: 'reportRemoveFailed'; failure: Failure };

export interface View {
  readonly state: VolumeState;
  readonly context: Context;
}

function remove({ state, context }: View, { force, usedBy }: { force: boolean; usedBy: readonly string[] }): Decision<VolumeFact> {
  if (state !== 'present') return force ? [] : refuse('notFound', `get ${context.volume.name}: no such volume`);
  if (usedBy.length > 0) return refuse('conflict', `remove ${context.volume.name}: volume is in use - [${usedBy.join(', ')}]`);
  return [{ type: 'volume.removeRequested', data: {} }];
}

export function decide(view: View, command: VolumeCommand | VolumeReport): Decision<VolumeFact> {
  if (command.name === 'create') return view.state === 'absent' ? [{ type: 'volume.createRequested', data: { volume: command.volume } }] : [];
  if (command.name === 'remove') return remove(view, command);
  if (view.state === 'absent') return refuse('notFound', 'no such volume');
  const mounted = 'containerId' in command && view.context.mountedBy.includes(command.containerId);
  switch (command.name) {
    case 'mount': {
      const { containerId, destination, readWrite, propagation } = command;
      return mounted ? [] : [{ type: 'volume.mounted', data: { containerId, destination, readWrite, propagation } }];
    }
    case 'unmount':
      return mounted ? [{ type: 'volume.unmounted', data: { containerId: command.containerId } }] : [];
    case 'reportCreated':
      return [{ type: 'volume.created', data: {} }];
    case 'reportCreateFailed':
      return [{ type: 'volume.createFailed', data: command.failure }];
    case 'reportRemoved':
      return [{ type: 'volume.removed', data: {} }];
    case 'reportRemoveFailed':
      return [{ type: 'volume.removeFailed', data: command.failure }];
  }
}
