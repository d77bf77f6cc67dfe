// exec.ts: the facts of a command executed inside a running container; they stand in the container's stream
import Type from 'typebox';
import { declare, fact, type FactOf } from './fact.ts';

export interface ExecSpec {
  /** The command and its arguments. */
  command: string[];
  tty: boolean;
  attachStdin: boolean;
  attachStdout: boolean;
  attachStderr: boolean;
  detachKeys: string;
  env: string[];
  workingDir: string;
  user: string;
  privileged: boolean;
  consoleSize: [number, number] | null;
}

const id = Type.String();
export const exec = declare('exec', {
  created: fact('exec_create', Type.Object({ id, spec: Type.Unsafe<ExecSpec>({ type: 'object' }) }), {
    id: 'e1',
    spec: {
      command: ['ls'], tty: false, attachStdin: false, attachStdout: true, attachStderr: true, detachKeys: '', env: [], workingDir: '', user: '',
      privileged: false, consoleSize: null,
    },
  }),
  startRequested: fact('exec_start', Type.Object({ id, detach: Type.Boolean() }), { id: 'e1', detach: false }),
  started: fact(null, Type.Object({ id, pid: Type.Integer() }), { id: 'e1', pid: 43 }),
  startFailed: fact(null, Type.Object({ id, exitCode: Type.Integer(), message: Type.String() }), { id: 'e1', exitCode: 127, message: 'not found' }),
  detached: fact('exec_detach', Type.Object({ id }), { id: 'e1' }),
  exited: fact('exec_die', Type.Object({ id, exitCode: Type.Integer() }), { id: 'e1', exitCode: 0 }),
  forgotten: fact(null, Type.Object({ id }), { id: 'e1' }),
});
export type ExecFact = FactOf<typeof exec>;
