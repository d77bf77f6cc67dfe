// exec.ts: the facts of a command executed inside a running container; they stand in the container's stream
import * as v from 'valibot';
import { declare, fact, integer, record, type FactOf } from './fact.ts';

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

const id = v.string();
export const exec = declare('exec', {
  created: fact('exec_create', v.object({ id, spec: record<ExecSpec>() }), {
    id: 'e1',
    spec: {
      command: ['ls'], tty: false, attachStdin: false, attachStdout: true, attachStderr: true, detachKeys: '', env: [], workingDir: '', user: '',
      privileged: false, consoleSize: null,
    },
  }),
  startRequested: fact('exec_start', v.object({ id, detach: v.boolean() }), { id: 'e1', detach: false }),
  started: fact(null, v.object({ id, pid: integer }), { id: 'e1', pid: 43 }),
  startFailed: fact(null, v.object({ id, exitCode: integer, message: v.string() }), { id: 'e1', exitCode: 127, message: 'not found' }),
  detached: fact('exec_detach', v.object({ id }), { id: 'e1' }),
  exited: fact('exec_die', v.object({ id, exitCode: integer }), { id: 'e1', exitCode: 0 }),
  forgotten: fact(null, v.object({ id }), { id: 'e1' }),
});
export type ExecFact = FactOf<typeof exec>;
