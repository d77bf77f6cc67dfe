// decide.ts: which facts a command on an image leads to, or why it is refused
import type { ImageFact, ImageRecord } from '../../events/image.ts';
import { refuse, type Decision } from '../refusal.ts';
import type { Context, ImageState } from './chart.ts';

/** How an image came to be here; each is told to Docker's clients in its own way. */
export type Arrival = 'pulled' | 'imported' | 'loaded' | 'created';

export type ImageCommand =
  /** The content is complete. `name` and `digest` are for the notice, `references` full names that now mean this image. */
  | { name: 'add'; image: ImageRecord; how: Arrival; displayName: string; digest: string; references: string[] }
  | { name: 'tag'; reference: string; displayName: string }
  /** Tags or digests are taken away with a notice each; with the last one, and nothing that holds it, the image goes. */
  | { name: 'untag'; references: string[]; displayName: string; remove: boolean }
  /** A tag went to another image. */
  | { name: 'dereference'; reference: string }
  | { name: 'note'; fact: Extract<ImageFact, { type: 'image.saved' | 'image.pushed' }> };
export type ImageReport = { name: 'reportSwept' };

export interface View {
  readonly state: ImageState;
  readonly context: Context;
}

function add({ state, context }: View, command: Extract<ImageCommand, { name: 'add' }>): ImageFact[] {
  const { displayName: name } = command;
  const known = state === 'present';
  const notice: ImageFact =
    command.how === 'pulled' ? { type: 'image.pulled', data: { name, digest: command.digest } } : { type: `image.${command.how}`, data: { name } };
  return [
    ...(known ? [] : [{ type: 'image.added', data: { image: command.image } } as const]),
    ...command.references
      .filter((reference) => !known || !context.references.includes(reference))
      .map((reference) => ({ type: 'image.referenced', data: { reference } }) as const),
    notice,
  ];
}

function untag({ context }: View, command: Extract<ImageCommand, { name: 'untag' }>): ImageFact[] {
  const { displayName: name } = command;
  const facts: ImageFact[] = command.references
    .filter((reference) => context.references.includes(reference))
    .map((reference) => ({ type: 'image.untagged', data: { reference, name } }));
  if (command.remove) facts.push({ type: 'image.removed', data: { name } });
  return facts;
}

export function decide(view: View, command: ImageCommand | ImageReport): Decision<ImageFact> {
  if (command.name === 'add') return add(view, command);
  if (command.name === 'reportSwept') return [{ type: 'image.swept', data: {} }];
  if (view.state !== 'present') return refuse('notFound', 'No such image');
  switch (command.name) {
    case 'tag':
      return [{ type: 'image.tagged', data: { reference: command.reference, name: command.displayName } }];
    case 'untag':
      return untag(view, command);
    case 'dereference':
      return view.context.references.includes(command.reference) ? [{ type: 'image.dereferenced', data: { reference: command.reference } }] : [];
    case 'note':
      return [command.fact];
  }
}
