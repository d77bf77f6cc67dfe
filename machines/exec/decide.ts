// decide.ts: which facts a command on an exec leads to, or why it is refused
import type { ExecFact, ExecSpec } from '../../events/exec.ts';
import { refuse, type Decision } from '../refusal.ts';
import type { Context, ExecState } from './chart.ts';

export type ExecCommand = { name: 'create'; id: string; spec: ExecSpec } | { name: 'start'; detach: boolean } | { name: 'detach' };
export type ExecReport =
  | { name: 'reportStarted'; pid: number }
  | { name: 'reportStartFailed'; exitCode: number; message: string }
  | { name: 'reportExited'; exitCode: number }
  | { name: 'reportForgotten' };

export interface View {
  readonly state: ExecState;
  readonly context: Context;
}

export function decide({ state, context: { id } }: View, command: ExecCommand | ExecReport): Decision<ExecFact> {
  switch (command.name) {
    case 'create':
      return state === 'absent' ? [{ type: 'exec.created', data: { id: command.id, spec: command.spec } }] : refuse('conflict', `exec ${command.id} exists`);
    case 'start':
      if (state === 'ended') return refuse('conflict', `Error: Exec command ${id} has already run`);
      if (state !== 'created') return refuse('conflict', `Error: Exec command ${id} is already running`);
      return [{ type: 'exec.startRequested', data: { id, detach: command.detach } }];
    case 'detach':
      return state === 'running' ? [{ type: 'exec.detached', data: { id } }] : [];
    case 'reportStarted':
      return [{ type: 'exec.started', data: { id, pid: command.pid } }];
    case 'reportStartFailed':
      return [{ type: 'exec.startFailed', data: { id, exitCode: command.exitCode, message: command.message } }];
    case 'reportExited':
      return [{ type: 'exec.exited', data: { id, exitCode: command.exitCode } }];
    case 'reportForgotten':
      return [{ type: 'exec.forgotten', data: { id } }];
  }
}
