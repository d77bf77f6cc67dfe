// subscriptions.ts: the groups of persistent subscriptions: making, changing, listing, consuming
import { status } from '@grpc/grpc-js';
import { filterOf, type Filter } from './filter.ts';
import { openGroup, type Answer, type Group, type GroupInfo, type GroupWorld } from './group.ts';
import type { GroupSettings, GroupState } from './group-file.ts';
import type { ConsumeAsk, GroupAsk, GroupName, ListAsk, SettingAsk, Settings } from './messages.ts';
import type { Outlet } from './outlet.ts';
import { formOf, spotOf, streamNamed, type Spot } from './read.ts';
import { nameOf, uuidText } from './record.ts';
import { invalid, Refusal } from './schema.ts';
import { everything, sourceOf, type Areas, type Source } from './source.ts';

/** The most messages that a consumer may hold. */
const mostSlots = 10_000;

export interface Peer {
  readonly from: string;
  readonly name: string;
}

/** A client's side of a group: its first message names the group, the others answer what it was given. */
export interface Consuming {
  take(ask: ConsumeAsk): void;
  leave(): void;
}

export interface Subscriptions {
  create(ask: SettingAsk): Promise<object>;
  update(ask: SettingAsk): Promise<object>;
  remove(ask: GroupAsk): Promise<object>;
  info(ask: GroupAsk): Promise<object>;
  list(ask: ListAsk): Promise<object>;
  replay(ask: GroupAsk): Promise<object>;
  consumer(peer: Peer, to: Outlet<object>): Consuming;
  close(): Promise<void>;
}

const keyOf = (source: string, name: string): string => JSON.stringify([source, name]);
const about = (source: string, name: string) => ({ 'stream-name': source, 'group-name': name });
const noGroup = (source: string, name: string) =>
  new Refusal(status.NOT_FOUND, `Subscription group ${name} on stream ${source} does not exist.`, { exception: 'persistent-subscription-does-not-exist', ...about(source, name) });
const dropped = (source: string, name: string) =>
  new Refusal(status.CANCELLED, `Subscription group ${name} on stream ${source} was deleted or its server stops.`, { exception: 'persistent-subscription-dropped', ...about(source, name) });

const ticksIn = (milliseconds: number | undefined, ticks: string | undefined): number => milliseconds ?? Math.round(Number(ticks ?? 0) / 10_000);

const settingsOf = (given: Settings): GroupSettings => ({
  resolveLinks: given.resolveLinks, extraStatistics: given.extraStatistics,
  messageTimeoutMs: ticksIn(given.messageTimeoutMs, given.messageTimeoutTicks), maxRetryCount: given.maxRetryCount,
  checkpointAfterMs: ticksIn(given.checkpointAfterMs, given.checkpointAfterTicks),
  minCheckpointCount: given.minCheckpointCount, maxCheckpointCount: given.maxCheckpointCount, maxSubscriberCount: given.maxSubscriberCount,
  liveBufferSize: given.liveBufferSize, readBatchSize: given.readBatchSize, historyBufferSize: given.historyBufferSize,
  strategy: given.consumerStrategy || given.namedConsumerStrategy,
});

function startText(all: boolean, spot: Spot): string {
  const number = spot === 'start' ? 0 : spot === 'end' ? -1 : spot;
  return all ? `C:${number}/P:${number}` : String(number);
}

function placed({ options }: SettingAsk): { name: string; groupName: string; settings: Settings; spot: Spot; filter: Filter | null } {
  if (!options?.settings || options.groupName === '') throw invalid('a persistent subscription needs a group name and settings');
  const { stream, all, streamIdentifier, groupName, settings } = options;
  if (all) return { name: everything, groupName, settings, spot: spotOf(all), filter: filterOf(all.filter) };
  const name = streamNamed(nameOf(stream?.streamIdentifier ?? streamIdentifier));
  // Clients of before the stream's own options: the largest number means the end.
  const old: Spot = BigInt(settings.revision) === 2n ** 64n - 1n ? 'end' : Number(settings.revision);
  return { name, groupName, settings, spot: stream ? spotOf(stream) : old, filter: null };
}

function firstState(source: Source, { groupName, settings, spot, filter }: ReturnType<typeof placed>): GroupState {
  const oneStream = source.stream !== null;
  const from = typeof spot === 'number' ? spot : 0;
  return {
    source: source.name, filter, name: groupName, settings: settingsOf(settings), startFrom: startText(source.name === everything, spot),
    floor: oneStream ? from : 0, checkpoint: spot === 'end' ? source.log.head() : oneStream ? -1 : from - 1, handled: [], parked: [],
  };
}

const which = ({ options }: GroupAsk): { source: string; name: string } => {
  if (options === null) throw invalid('no group was named');
  return { source: options.all ? everything : nameOf(options.streamIdentifier), name: options.groupName };
};

const told = (source: Source, number: number | null): string => (number === null || number < 0 ? '' : source.name === everything ? `C:${number}/P:${number}` : String(number));

function infoOf({ source }: Group, { state, ...now }: GroupInfo): object {
  const { settings } = state;
  return {
    eventSource: state.source, groupName: state.name, status: now.seats.length > 0 ? 'Live' : 'NotReady',
    connections: now.seats.map(({ from, name, total, free, held }) => ({ from, connectionName: name, totalItems: total, availableSlots: free, inFlightMessages: held })),
    totalItems: now.total,
    // The revision of the last fact of a single stream is not known without reading it.
    lastCheckpointedEventPosition: source.stream === null ? told(source, state.checkpoint) : '',
    lastKnownEventPosition: told(source, now.lastKnown),
    resolveLinkTos: settings.resolveLinks, startFrom: state.startFrom, messageTimeoutMilliseconds: settings.messageTimeoutMs, extraStatistics: settings.extraStatistics,
    maxRetryCount: settings.maxRetryCount, liveBufferSize: settings.liveBufferSize, bufferSize: settings.historyBufferSize, readBatchSize: settings.readBatchSize,
    checkPointAfterMilliseconds: settings.checkpointAfterMs, minCheckPointCount: settings.minCheckpointCount, maxCheckPointCount: settings.maxCheckpointCount,
    readBufferCount: now.buffered, retryBufferCount: now.retrying, totalInFlightMessages: now.seats.reduce((sum, { held }) => sum + held, 0),
    outstandingMessagesCount: now.seats.reduce((sum, { held }) => sum + held, 0), namedConsumerStrategy: settings.strategy,
    maxSubscriberCount: settings.maxSubscriberCount, parkedMessageCount: state.parked.length,
  };
}

const words: Readonly<Record<string, Answer>> = { PARK: 'park', SKIP: 'skip', RETRY: 'retry', UNKNOWN: 'retry' };

export async function openSubscriptions(areas: Areas, world: GroupWorld, uuid: () => string): Promise<Subscriptions> {
  const groups = new Map<string, Group>();
  const { states, complaints } = await world.files.load();
  for (const complaint of complaints) world.report(complaint);
  for (const state of states) restore(state);

  function restore(state: GroupState): void {
    const source = sourceOf(areas, state.source, state.filter);
    const head = source.log.head();
    if (state.checkpoint > head) world.report(`the persistent subscription ${state.name} of ${state.source} is at ${state.checkpoint}, which the log does not reach: it goes on from ${head}`);
    groups.set(keyOf(state.source, state.name), openGroup(world, source, { ...state, checkpoint: Math.min(state.checkpoint, head) }));
  }

  function groupOf({ source, name }: { source: string; name: string }): Group {
    const group = groups.get(keyOf(source, name));
    if (!group) throw noGroup(source, name);
    return group;
  }

  function consumer(peer: Peer, to: Outlet<object>): Consuming {
    let seat: ReturnType<Group['join']> = null;
    const leave = () => seat?.leave();
    to.signal.addEventListener('abort', leave);
    return {
      take({ options, ack, nack }) {
        if (options && !seat) seat = enter(options, peer, to);
        else if (!seat) throw invalid('the first message names the group');
        else if (ack) seat.answer(ack.ids.map(uuidText).filter((id) => id !== null), 'ack', '');
        else if (nack?.action === 'STOP') leave();
        else if (nack) seat.answer(nack.ids.map(uuidText).filter((id) => id !== null), words[nack.action] ?? 'retry', nack.reason);
      },
      leave,
    };
  }

  function enter(options: GroupName & NonNullable<ConsumeAsk['options']>, { from, name }: Peer, to: Outlet<object>): NonNullable<ReturnType<Group['join']>> {
    const asked = { source: options.all ? everything : nameOf(options.streamIdentifier), name: options.groupName };
    const group = groupOf(asked);
    const form = formOf(options.uuidOption);
    void to.send({ subscriptionConfirmation: { subscriptionId: uuid() } });
    const seat = group.join({
      slots: Math.min(Math.max(1, options.bufferSize), mostSlots), from, name,
      give: (fact, retryCount) => void to.send({ event: { ...group.source.show(fact, { form, resolve: group.settings().resolveLinks }), retryCount } }),
      drop: () => to.end(dropped(asked.source, asked.name)),
    });
    if (seat) return seat;
    const details = { exception: 'maximum-subscribers-reached', ...about(asked.source, asked.name) };
    throw new Refusal(status.FAILED_PRECONDITION, `Maximum subscriptions reached for subscription group ${asked.name} on stream ${asked.source}.`, details);
  }

  return {
    async create(ask) {
      const wanted = placed(ask);
      const key = keyOf(wanted.name, wanted.groupName);
      const source = sourceOf(areas, wanted.name, wanted.filter);
      if (groups.has(key)) {
        const details = { exception: 'persistent-subscription-exists', ...about(wanted.name, wanted.groupName) };
        throw new Refusal(status.ALREADY_EXISTS, `Subscription group ${wanted.groupName} on stream ${wanted.name} exists.`, details);
      }
      const state = firstState(source, wanted);
      groups.set(key, openGroup(world, source, state));
      await world.files.save(state);
      return {};
    },
    async update(ask) {
      const { name, groupName, settings } = placed(ask);
      await groupOf({ source: name, name: groupName }).change(settingsOf(settings));
      return {};
    },
    async remove(ask) {
      const asked = which(ask);
      const group = groupOf(asked);
      groups.delete(keyOf(asked.source, asked.name));
      await group.close();
      await world.files.remove(asked.source, asked.name);
      return {};
    },
    async info(ask) {
      const group = groupOf(which(ask));
      return { subscriptionInfo: infoOf(group, group.info()) };
    },
    async list({ options }) {
      const wanted = options?.listForStream;
      const name = wanted?.all ? everything : wanted ? nameOf(wanted.stream) : null;
      const found = [...groups.values()].filter(({ source }) => name === null || source.name === name);
      if (name !== null && found.length === 0) throw noGroup(name, '');
      return { subscriptions: found.map((group) => infoOf(group, group.info())) };
    },
    async replay(ask) {
      const stopAt = ask.options?.stopAt;
      await groupOf(which(ask)).replay(stopAt === undefined ? Number.POSITIVE_INFINITY : Number(stopAt));
      return {};
    },
    consumer,
    async close() {
      await Promise.all([...groups.values()].map((group) => group.close()));
    },
  };
}
