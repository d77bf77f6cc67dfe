// chart.ts: what may happen to an image: its content is kept while it has a state other than absent
import { assign, setup, type SnapshotFrom } from 'xstate';
import { exampleImage, type ImageFact, type ImageRecord } from '../../events/image.ts';
import type { Moved } from '../../events/fact.ts';
import { gap } from '../effect.ts';
import { evolver } from '../evolve.ts';

export interface Context {
  readonly image: ImageRecord;
  /** Full names, in the order in which they were given. */
  readonly references: readonly string[];
  /** RFC 3339; when it was added here. */
  readonly addedAt: string;
  /** RFC 3339; when it was last tagged. */
  readonly taggedAt: string;
}

const without = (references: readonly string[], reference: string) => references.filter((each) => each !== reference);
const withOne = ({ references }: Context, { data, at }: { data: { reference: string }; at: string }) => ({
  references: [...without(references, data.reference), data.reference], taggedAt: at,
});
const evolve = evolver<ImageFact, Context>({
  'image.added': (_, { data, at }) => ({ image: data.image, references: [], addedAt: at }),
  'image.tagged': withOne,
  'image.referenced': withOne,
  'image.untagged': ({ references }, { data }) => ({ references: without(references, data.reference) }),
  'image.dereferenced': ({ references }, { data }) => ({ references: without(references, data.reference) }),
});

const given = setup({
  types: { context: {} as Context, events: {} as Moved<ImageFact>, tags: {} as 'gone' | 'brief' },
  actors: { dropContent: gap<Context>() },
  actions: { apply: assign(({ context, event }) => evolve(context, event)) },
});
const to = <const Target extends string>(target: Target) => ({ target, actions: 'apply' }) as const;
const stay = { actions: 'apply' } as const;

export const chart = given.createMachine({
  id: 'image',
  context: { image: exampleImage, references: [], addedAt: '', taggedAt: '' },
  initial: 'absent',
  states: {
    absent: { tags: 'gone', on: { 'image.added': to('present') } },
    present: {
      on: {
        'image.created': stay, 'image.pulled': stay, 'image.imported': stay, 'image.loaded': stay, 'image.saved': stay, 'image.pushed': stay,
        'image.tagged': stay, 'image.referenced': stay, 'image.untagged': stay, 'image.dereferenced': stay,
        'image.removed': to('sweeping'),
      },
    },
    /** Told to be gone; its content is let go of. */
    sweeping: { tags: ['gone', 'brief'], invoke: { src: 'dropContent', input: ({ context }) => context }, on: { 'image.swept': to('absent') } },
  },
});
export type ImageState = SnapshotFrom<typeof chart>['value'];
