// exec.ts: commands executed inside running containers
import { createExec, detachExec, execEnded, findExec, resizeExec, startableExec, startExec, type FoundExec } from '../../actors/operations/exec.ts';
import { Refused } from '../../actors/refused.ts';
import type { ExecSpec } from '../../events/exec.ts';
import { sizeOf } from './containers.ts';
import { fromGoJson } from './go-json.ts';
import { command, empty, json, query, takeOver, type Answer, type Call, type Row } from './route.ts';
import { execShape, execStartShape } from './shapes/container-request.ts';
import { detachKeys } from './streams/detach-keys.ts';
import { framed, rawType, typeOf } from './streams/frame.ts';
import { finish, join } from './streams/join.ts';

interface CreateBody {
  User: string; Privileged: boolean; Tty: boolean; ConsoleSize: [number, number]; AttachStdin: boolean; AttachStderr: boolean; AttachStdout: boolean;
  DetachKeys: string; Env: string[]; WorkingDir: string; Cmd: string[];
}

async function create(call: Call): Promise<Answer> {
  const body = fromGoJson<CreateBody>('ExecOptions', execShape, await call.json());
  if (!body.Cmd?.length) throw new Refused('invalid', 'No exec command specified');
  if (body.DetachKeys) detachKeys(body.DetachKeys, 'Invalid escape keys');
  const spec: ExecSpec = {
    command: body.Cmd, tty: body.Tty ?? false, attachStdin: body.AttachStdin ?? false, attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false, detachKeys: body.DetachKeys ?? '', env: body.Env ?? [], workingDir: body.WorkingDir ?? '',
    user: body.User ?? '', privileged: body.Privileged ?? false, consoleSize: call.version >= 42 ? (body.ConsoleSize ?? null) : null,
  };
  return json({ Id: await createExec(call.engine, call.params.id!, spec, call.asker) }, 201);
}

/** What hinders an attached exec is told in its stream: the connection is the client's by then. */
async function start(call: Call): Promise<Answer> {
  const { engine, params, asker, version, headers } = call;
  const id = params.id!;
  const body = fromGoJson<{ Detach: boolean; Tty: boolean }>('ExecStartOptions', execStartShape, await call.json());
  const { view } = await startableExec(engine, id);
  if (body.Detach) {
    (await startExec(engine, id, true, asker))?.resume();
    return empty(200);
  }
  const { spec } = view.context;
  const type = headers.upgrade === undefined ? rawType : typeOf(body.Tty ?? false, version);
  return takeOver(type, async (connection) => {
    try {
      const stream = await startExec(engine, id, false, asker);
      if (stream) {
        const how = await join(connection, stream, { input: spec.attachStdin, keys: spec.tty ? detachKeys(spec.detachKeys) : null });
        if (how === 'detached') await detachExec(engine, id, asker);
        // The client asks for the exit code as soon as its stream has ended.
        if (how === 'ended') await execEnded(engine, id);
      }
    } catch (error) {
      const sentence = Buffer.from(`${error instanceof Error ? error.message : String(error)}\r\n`);
      connection.write(spec.tty ? sentence : framed('stdout', sentence));
    }
    finish(connection);
  });
}

function shown({ container, view }: FoundExec) {
  const { id, spec, exitCode, pid } = view.context;
  const [entrypoint = '', ...rest] = spec.command;
  return {
    ID: id,
    Running: view.state === 'running' || view.state === 'starting',
    ExitCode: exitCode,
    ProcessConfig: { tty: spec.tty, entrypoint, arguments: rest, privileged: spec.privileged, ...(spec.user ? { user: spec.user } : {}) },
    OpenStdin: spec.attachStdin,
    OpenStderr: spec.attachStderr,
    OpenStdout: spec.attachStdout,
    CanRemove: false,
    ContainerID: container.id,
    DetachKeys: spec.detachKeys === '' ? '' : detachKeys(spec.detachKeys).toString('base64'),
    Pid: pid,
  };
}

export const rows: readonly Row[] = [
  command('POST', '/containers/{id}/exec', create),
  command('POST', '/exec/{id}/start', start),
  command('POST', '/exec/{id}/resize', async ({ engine, params, query: asked }) => {
    await resizeExec(engine, params.id!, sizeOf(asked));
    return empty(200);
  }),
  query('GET', '/exec/{id}/json', ({ roster, params }) => json(shown(findExec(roster, params.id!)))),
];
