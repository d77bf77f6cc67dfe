// _checks.ts: what must hold of log, snapshots and world whenever everything has come to rest
import { isDeepStrictEqual } from 'node:util';
import { all, apply, emptyRoster, viewOf } from '../../actors/roster.ts';
import type { House } from './_house.ts';

export type Check = (house: House) => string[];

/** Folding the log gives exactly the snapshots that the living daemon has. */
const replayLaw: Check = ({ engine, facts }) => {
  const roster = emptyRoster();
  for (const fact of facts) apply(roster, fact);
  const complaints: string[] = [];
  for (const [stream, entity] of engine.roster.entities) {
    const folded = roster.entities.get(stream);
    if (!folded) complaints.push(`${stream} lives, but not in the log`);
    else if (folded.snapshot.value !== entity.snapshot.value || !isDeepStrictEqual(folded.snapshot.context, entity.snapshot.context)) complaints.push(`${stream} lives as ${entity.snapshot.value}, the log has it as ${folded.snapshot.value}`);
  }
  for (const stream of roster.entities.keys()) if (!engine.roster.entities.has(stream)) complaints.push(`${stream} is in the log, but does not live`);
  return complaints;
};

const live = new Set(['running', 'paused', 'stopping', 'signalling', 'pausing', 'resuming', 'updating']);

const tasksHaveContainers: Check = ({ engine, machine }) => {
  const running = [...all(engine.roster, 'container')].filter((container) => live.has(viewOf(container).state)).map(({ id }) => id);
  return [...machine.tasks.keys()].filter((id) => !running.includes(id)).map((id) => `task ${id} has no running container`);
};

const containersHaveTasks: Check = ({ engine, machine }) =>
  [...all(engine.roster, 'container')]
    .filter((container) => live.has(viewOf(container).state) && machine.tasks.get(container.id)?.state === undefined)
    .map(({ id }) => `container ${id} says that it runs and has no task`);

const layersHaveContainers: Check = ({ engine, machine }) =>
  [...machine.layers.keys()].filter((id) => ![...all(engine.roster, 'container')].some((container) => container.id === id)).map((id) => `layer ${id} has no container`);

const addressesLeasedOnce: Check = ({ engine, machine }) => {
  const complaints: string[] = [];
  for (const network of all(engine.roster, 'network')) {
    const addresses = Object.values(viewOf(network).context.endpoints).map(({ address }) => address);
    if (new Set(addresses).size !== addresses.length) complaints.push(`an address is leased twice: ${addresses.join(' ')}`);
    for (const id of Object.keys(viewOf(network).context.endpoints)) if (!machine.tasks.has(id)) complaints.push(`${id} has a lease and no task`);
  }
  for (const id of machine.sandboxes.keys()) if (!machine.tasks.has(id)) complaints.push(`sandbox ${id} has no task`);
  return complaints;
};

const noFaults: Check = ({ faults }) => faults;

export const checks: Readonly<Record<string, Check>> = { replayLaw, tasksHaveContainers, containersHaveTasks, layersHaveContainers, addressesLeasedOnce, noFaults };

export const complaintsOf = (house: House): string[] => Object.entries(checks).flatMap(([name, check]) => check(house).map((complaint) => `${name}: ${complaint}`));
