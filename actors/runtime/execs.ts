// execs.ts: more processes in a running container: what `docker exec` asks for, and health checks
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { ExecSpec } from '../../events/exec.ts';
import type { ContainerSpec, HealthConfig } from '../../events/spec.ts';
import { type Containerd, isDown, isNotFound, unpackJson } from '../containerd/client.ts';
import { type Execs, type Random, WorldFailure } from '../world.ts';
import { drainPipes, openPipes, removePipes, streamOf, type Pipes } from './exec-stream.ts';
import type { Exits } from './exits.ts';
import { runFailure } from './failure.ts';
import { layersOf } from './layers.ts';
import type { Process, Spec } from './oci.ts';
import { capabilitySets, environmentOf, specJson } from './spec.ts';
import { userFor } from './user.ts';
import { mountsOf } from './writable-layer.ts';

const processUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
const SIGKILL = 9;
/** Of a health check's output; Docker keeps as much. */
const probeOutputBytes = 4096;

export interface ExecsOptions {
  readonly containerd: Containerd;
  readonly exits: Exits;
  readonly random: Random;
  /** Has a folder of FIFOs for each exec. */
  readonly folder: string;
  /** What `--privileged` gives. */
  readonly capabilities: readonly string[];
}

export function execsOf({ containerd, exits, random, folder, capabilities }: ExecsOptions): Execs {
  const folderOf = (execId: string): string => join(folder, execId);
  /** Execs whose pipes this process has open. */
  const own = new Set<string>();

  async function processFor(id: string, spec: ExecSpec, container: ContainerSpec): Promise<Process> {
    const { container: record } = await containerd.call('Containers.Get', { id });
    if (!record.spec) throw new WorldFailure('other', `container ${id} has no spec`);
    const base = (unpackJson(record.spec) as Spec).process;
    const user = spec.user ? userFor(layersOf(await mountsOf(containerd, id)), spec.user, container.hostConfig.GroupAdd) : base.user;
    const [height, width] = spec.consoleSize ?? [0, 0];
    const { consoleSize: _, ...inherited } = base;
    return {
      ...inherited,
      terminal: spec.tty,
      ...(spec.tty && height > 0 && width > 0 && { consoleSize: { height, width } }),
      user,
      args: spec.command,
      env: environmentOf(container.config, spec.tty, spec.env),
      cwd: spec.workingDir || container.config.WorkingDir || '/',
      ...(spec.privileged && { capabilities: capabilitySets([...capabilities], 0) }),
    };
  }

  async function start(id: string, execId: string, spec: ExecSpec, container: ContainerSpec): Promise<{ pid: number; stream: Duplex | null }> {
    const process = await processFor(id, spec, container).catch((error: unknown) => {
      throw isNotFound(error) ? new WorldFailure('conflict', `container ${id} is not running`) : error;
    });
    const wants = { stdin: spec.attachStdin, stdout: spec.attachStdout, stderr: spec.attachStderr, tty: spec.tty };
    const pipes = openPipes(folderOf(execId), wants);
    own.add(execId);
    try {
      await containerd.call('Tasks.Exec', {
        containerId: id, execId, spec: { type_url: processUrl, value: Buffer.from(specJson(process)) }, terminal: spec.tty, ...pipes.paths,
      });
      const { pid } = await containerd.call('Tasks.Start', { containerId: id, execId });
      return { pid, stream: attached(id, execId, pipes, wants) };
    } catch (error) {
      for (const fd of pipes.descriptors) if (fd >= 0) closeSync(fd);
      await remove(id, execId).catch(() => {});
      throw runFailure('', error);
    }
  }

  /** Null when nothing was asked for; a terminal is then read to nowhere. */
  function attached(id: string, execId: string, pipes: Pipes, { stdin, stdout, stderr, tty }: { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean }): Duplex | null {
    const closeInput = (): void => {
      // It may have ended: then there is no input to close.
      containerd.call('Tasks.CloseIO', { containerId: id, execId, stdin: true }).catch(() => {});
    };
    const stream = streamOf(pipes, tty, closeInput);
    if (stdin || stdout || stderr) return stream;
    stream.resume();
    return null;
  }

  async function remove(id: string, execId: string): Promise<void> {
    own.delete(execId);
    removePipes(folderOf(execId));
    await containerd.call('Tasks.DeleteProcess', { containerId: id, execId }).catch((error: unknown) => {
      if (!isNotFound(error) && !/process already|not found|does not exist/.test(String(error))) throw error;
    });
  }

  async function probe(id: string, check: HealthConfig, container: ContainerSpec, signal: AbortSignal): Promise<{ exitCode: number; output: string }> {
    const execId = `probe-${random.hex(16)}`;
    const spec: ExecSpec = { ...silent, command: commandOf(check, container) };
    try {
      const { stream } = await start(id, execId, spec, container);
      const output = collect(stream, probeOutputBytes);
      const exit = await exits.of(id, execId, signal);
      return { exitCode: exit?.exitCode ?? -1, output: await output };
    } catch (error) {
      if (signal.aborted) await containerd.call('Tasks.Kill', { containerId: id, execId, signal: SIGKILL }).catch(() => {});
      if (signal.aborted || !(error instanceof WorldFailure) || isDown(error) || error.failure.reason === 'conflict') throw error;
      // A check that cannot be run is a check that fails. moby: daemon/health.go
      return { exitCode: -1, output: error.message };
    } finally {
      void exits.of(id, execId).then(() => remove(id, execId)).catch(() => {});
    }
  }

  return {
    start,
    exit: (id, execId, signal) => {
      if (!own.has(execId)) drainPipes(folderOf(execId));
      own.add(execId);
      return exits.of(id, execId, signal);
    },
    remove,
    probe,
  };
}

const silent: Omit<ExecSpec, 'command'> = {
  tty: false, attachStdin: false, attachStdout: true, attachStderr: true, detachKeys: '', env: [], workingDir: '', user: '', privileged: false,
  consoleSize: null,
};

function commandOf({ Test = [] }: HealthConfig, { config }: ContainerSpec): string[] {
  const [kind, ...rest] = Test;
  return kind === 'CMD-SHELL' ? [...(config.Shell?.length ? config.Shell : ['/bin/sh', '-c']), ...rest] : rest;
}

/** The text of a framed stream, cut as Docker cuts it; what follows is read and dropped. */
async function collect(stream: Duplex | null, most: number): Promise<string> {
  let pending = Buffer.alloc(0);
  let text = Buffer.alloc(0);
  for await (const chunk of stream ?? []) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    for (let size = frameSize(pending); size !== null && pending.length >= size; size = frameSize(pending)) {
      if (text.length <= most) text = Buffer.concat([text, pending.subarray(8, size)]);
      pending = pending.subarray(size);
    }
  }
  return text.length > most ? `${text.subarray(0, most).toString()}...` : text.toString();
}
const frameSize = (bytes: Buffer): number | null => (bytes.length < 8 ? null : 8 + bytes.readUInt32BE(4));
