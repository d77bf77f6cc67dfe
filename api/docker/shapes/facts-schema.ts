// facts-schema.ts: every fact as JSON Schema, from the rows of the alphabet
import { toJsonSchema } from '@valibot/to-json-schema';
import { rows } from '../../../events/index.ts';

/** What is described by its TypeScript type alone has no schema: any object. */
const dataOf = (schema: Parameters<typeof toJsonSchema>[0]) => {
  const { $schema: _, ...described } = toJsonSchema(schema, { errorMode: 'ignore' });
  return described;
};

/** One definition a fact, under its type. */
export const factsSchema = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'The facts of tallyd',
  $defs: Object.fromEntries([...rows].map(([type, { schema, docker, example }]) => [
    type,
    {
      type: 'object',
      required: ['position', 'stream', 'revision', 'id', 'type', 'time', 'cause', 'data'],
      properties: {
        position: { type: 'integer' }, stream: { type: 'string' }, revision: { type: 'integer' }, id: { type: 'string' }, type: { const: type },
        time: { type: 'string', pattern: '^\\d+$', description: 'Nanoseconds since the epoch' }, cause: { type: 'object' }, data: dataOf(schema),
      },
      examples: [{ type, data: example }],
      description: docker === null ? 'Not told by docker events' : `Told by docker events as ${docker}`,
    },
  ])),
  oneOf: [...rows.keys()].map((type) => ({ $ref: `#/$defs/${type}` })),
});
