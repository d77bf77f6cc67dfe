// charts.ts: `tallyd charts [KIND] [--format mermaid|json]`: the state machines, printed from the charts themselves
import type { AnyStateMachine } from 'xstate';
import { charts as entities } from '../../machines/index.ts';
import { chart as daemon } from '../../machines/daemon/chart.ts';
import { UsageError } from '../flag-syntax.ts';
import type { Command } from './commands.ts';

const machines: Readonly<Record<string, AnyStateMachine>> = { daemon, ...entities };

interface Edge {
  readonly from: string;
  readonly fact: string;
  /** Equal to `from` where the state stays what it is. */
  readonly to: string;
}
interface State {
  readonly name: string;
  readonly tags: readonly string[];
  /** What is asked of the world while in this state. */
  readonly effects: readonly string[];
}
export interface Drawing {
  readonly kind: string;
  readonly initial: string;
  readonly states: readonly State[];
  readonly edges: readonly Edge[];
}

/** A fact that the chart takes in every state is one edge, from `*`. */
export function draw(kind: string): Drawing {
  const chart = machines[kind];
  if (!chart) throw new UsageError(`there is no kind ${kind}: ${Object.keys(machines).join(', ')}`);
  const nodes = Object.values(chart.states);
  const edgesOf = (from: string, node: AnyStateMachine['root']) =>
    [...node.transitions.values()].flat().flatMap(({ eventType, target }) => {
      const targets = target?.map((each) => each.key) ?? [from];
      return targets.map((to) => ({ from, fact: String(eventType), to }));
    });
  return {
    kind,
    initial: Object.keys(chart.states).find((name) => chart.root.initial.target?.[0]?.key === name) ?? '',
    states: nodes.map((node) => ({ name: node.key, tags: node.tags, effects: node.invoke.map(({ src }) => String(src)) })),
    edges: [...edgesOf('*', chart.root), ...nodes.flatMap((node) => edgesOf(node.key, node))],
  };
}

/** Mermaid: facts that lead the same way share an arrow; what changes no state stands in a note. */
function mermaid({ kind, initial, states, edges }: Drawing): string {
  const short = (fact: string) => fact.slice(fact.indexOf('.') + 1);
  const arrows = Map.groupBy(edges.filter(({ from, to }) => from !== to && from !== '*'), ({ from, to }) => `${from} --> ${to}`);
  const lines = [`    [*] --> ${initial}`];
  for (const [arrow, facts] of arrows) lines.push(`    ${arrow}: ${[...new Set(facts.map(({ fact }) => short(fact)))].join(', ')}`);
  for (const { fact, to } of edges.filter(({ from, to }) => from === '*' && to !== '*')) lines.push(`    [*] --> ${to}: ${short(fact)}`);
  for (const { name, effects } of states) {
    const staying = edges.filter(({ from, to }) => from === name && to === name).map(({ fact }) => short(fact));
    if (effects.length > 0) lines.push(`    ${name}: ${name} / ${effects.join(', ')}`);
    if (staying.length > 0) lines.push(`    note right of ${name}: stays on ${staying.join(', ')}`);
  }
  return [`---\ntitle: ${kind}\n---`, 'stateDiagram-v2', ...lines, ''].join('\n');
}

/** What the command prints; throws `UsageError`. */
export function chartsCommand(words: readonly string[]): string {
  const rest = [...words];
  const at = rest.findIndex((word) => word === '--format' || word.startsWith('--format='));
  const taken = at < 0 ? [] : rest.splice(at, rest[at] === '--format' ? 2 : 1);
  const format = at < 0 ? 'mermaid' : (taken[1] ?? taken[0]?.split('=')[1] ?? '');
  const [kind, ...more] = rest;
  if (format !== 'mermaid' && format !== 'json') throw new UsageError(`invalid argument "${format}" for "--format" flag: must be mermaid or json`);
  if (more.length > 0 || kind?.startsWith('-')) throw new UsageError('usage: tallyd charts [KIND] [--format mermaid|json]');
  const drawings = (kind === undefined ? Object.keys(machines) : [kind]).map(draw);
  if (format === 'json') return `${JSON.stringify(kind === undefined ? drawings : drawings[0], null, 2)}\n`;
  return drawings.map(mermaid).join('\n');
}

export const charts: Command = async (words, terminal) => {
  await terminal.write(chartsCommand(words));
  return 0;
};
