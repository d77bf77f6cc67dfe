// alphabet.test.ts: a chart's edges are its kind's facts, all of them and nothing else
import test from 'ava';
import type { AnyStateMachine } from 'xstate';
import { toDirectedGraph } from 'xstate/graph';
import { kinds } from '../../events/index.ts';
import { charts } from '../../machines/index.ts';

interface Graph {
  readonly edges: readonly { readonly label: { readonly text: string } }[];
  readonly children: readonly Graph[];
}
const edges = (node: Graph): string[] => [...node.edges.map((edge) => edge.label.text), ...node.children.flatMap(edges)];

for (const [kind, chart] of Object.entries(charts)) {
  test(`the edges of the chart of ${kind} are exactly its facts`, (t) => {
    const drawn = new Set(edges(toDirectedGraph(chart as unknown as AnyStateMachine) as unknown as Graph));
    const declared = Object.keys(kinds[kind as keyof typeof charts].table).map((name) => `${kind}.${name}`);
    t.deepEqual([...drawn].filter((edge) => !declared.includes(edge)), [], 'edges that no fact records: declare the fact in events/, or take the edge out');
    t.deepEqual(declared.filter((fact) => !drawn.has(fact)), [], 'facts that no edge takes: add the edge to the chart, or take the row out of events/');
  });

  test(`no state of ${kind} moves by itself`, (t) => {
    for (const [name, state] of Object.entries((chart as unknown as AnyStateMachine).states)) {
      t.deepEqual(state.always ?? [], [], `${name} has an eventless edge: nothing in the log would record it`);
      t.is(state.after.length, 0, `${name} has a timer: make the deadline a fact and wait for it in an effect`);
    }
  });
}
