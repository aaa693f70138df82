import type { Policy } from '../assignment/index.ts';
import { exponential, type Random, seededRandom } from './random.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { AgentState, Moment, Step } from './steps.ts';

/** How spans vary: all alike, or as they come where nobody arranges them. */
export type Distribution = 'CONSTANT' | 'EXPONENTIAL';

/** A group of a described roster. */
export interface DescribedGroup {
  readonly groupId: string;
  readonly policy: Policy;
}

/** An agent of a described roster. */
export interface DescribedAgent {
  readonly agentId: string;
  readonly groupIds: readonly string[];
  readonly state: AgentState;
}

/** Tickets that come to a group. */
export interface Arrivals {
  readonly groupId: string;
  readonly ticketsPerHour: number;
  readonly priority: number;
  readonly distribution: Distribution;
}

/** A pattern of arrivals and how long work on each ticket takes. The same seed gives the same tickets. */
export interface Pattern {
  readonly arrivals: readonly Arrivals[];
  readonly startTime: Moment;
  readonly endTime: Moment;
  readonly handlingMs: number;
  readonly handling: Distribution;
  readonly seed: number;
}

/** The steps that make a described roster stand. */
export function* foundingSteps(time: Moment, groups: readonly DescribedGroup[], agents: readonly DescribedAgent[]): Generator<Step> {
  for (const { groupId, policy } of groups) yield { type: 'GROUP', time, groupId, state: { active: true, deleted: false, policy } };
  for (const { agentId, state, groupIds } of agents) {
    yield { type: 'AGENT', time, agentId, state };
    for (const groupId of groupIds) yield { type: 'MEMBERSHIP', time, groupId, agentId, member: true };
  }
}

interface Stream {
  readonly arrivals: Arrivals;
  readonly gap: () => number;
  next: Moment;
}

/** Plays the arrivals of a pattern one by one; whoever takes them decides when to go on. */
export function* playPattern(pattern: Pattern, rehearsal: Rehearsal): Generator<void> {
  const { startTime, endTime, seed, handlingMs, handling } = pattern;
  const streams = pattern.arrivals.map((arrivals, at): Stream => {
    const gap = spans(seededRandom(seed, at + 1), 3_600_000 / arrivals.ticketsPerHour, arrivals.distribution);
    return { arrivals, gap, next: startTime + gap() };
  });
  const handlingTime = spans(seededRandom(seed), handlingMs, handling);
  for (;;) {
    let first: Stream | undefined;
    for (const stream of streams) if (!first || stream.next < first.next) first = stream;
    if (!first || first.next >= endTime) return;
    const { groupId, priority } = first.arrivals;
    const ticket = rehearsal.book.enter(first.next, handlingTime(), true);
    rehearsal.take({ type: 'ARRIVAL', time: first.next, ticket, groupId, priority });
    first.next += first.gap();
    yield;
  }
}

const spans = (random: Random, meanMs: number, distribution: Distribution): (() => number) =>
  distribution === 'CONSTANT' ? () => meanMs : () => exponential(random, meanMs);
