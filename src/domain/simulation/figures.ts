import { NumberList } from './numbers.ts';
import type { SimulatedAgent, SimulatedGroup } from './roster.ts';
import type { Moment } from './steps.ts';

/** Waiting times of tickets, in milliseconds. */
export interface Waits {
  /** Tickets whose wait has ended. */
  readonly count: number;
  /** Tickets whose wait never ended. */
  readonly never: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

/** What one agent had to do. */
export interface Load {
  readonly agentId: string;
  /** Tickets that he was given, whatever became of them. */
  readonly assigned: number;
  /** Tickets that ended on his desk. */
  readonly ended: number;
  /** Tickets on his desk at the end. */
  readonly open: number;
  readonly mostOpen: number;
  /** Most tickets that one group gave him in a row. */
  readonly longestRun: number;
}

/** How far apart the present agents of a group were at a moment, in the group where it was most. */
export interface Sample {
  readonly time: Moment;
  /** Most minus fewest assigned today. */
  readonly assignedSpread: number;
  /** Most minus fewest open tickets. */
  readonly openSpread: number;
  /** Tickets that waited for an agent, over all groups. */
  readonly waiting: number;
}

/** What came of one scenario. */
export interface RunFigures {
  readonly name: string;
  readonly loads: readonly Load[];
  readonly samples: readonly Sample[];
  /** From a ticket's arrival to its first agent. */
  readonly untilAssigned: Waits;
  /** From a ticket's arrival until its agent began to work on it; absent without a model of handling. */
  readonly untilHandled: Waits | undefined;
}

/** How long something took, ticket by ticket. */
export class Durations {
  readonly #values = new NumberList(Float64Array);
  #sum = 0;

  add(ms: number): void {
    this.#values.push(ms);
    this.#sum += ms;
  }

  /** The figures, when these out of `tickets` tickets have come to an end. */
  summarise(tickets: number): Waits {
    const sorted = this.#values.sorted();
    const { length } = sorted;
    // The smallest value that at least this share of the tickets did not exceed.
    const quantile = (share: number): number => sorted[Math.max(0, Math.ceil(share * length) - 1)] ?? 0;
    return {
      count: length,
      never: tickets - length,
      meanMs: length === 0 ? 0 : this.#sum / length,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      maxMs: quantile(1),
    };
  }
}

interface Streak {
  agent: SimulatedAgent;
  length: number;
}

/** Counts what each agent is given, and in what runs. Lists are by the agent's number. */
export class Loads {
  readonly #assigned = new NumberList(Int32Array);
  readonly #ended = new NumberList(Int32Array);
  readonly #mostOpen = new NumberList(Int32Array);
  readonly #longestRun = new NumberList(Int32Array);
  readonly #streaks = new Map<SimulatedGroup, Streak>();

  /** `chosen` among several, by the policy: what else is given neither makes nor breaks a run. */
  given(agent: SimulatedAgent, group: SimulatedGroup, chosen: boolean): void {
    const at = agent.index;
    this.#assigned.set(at, this.#assigned.get(at) + 1);
    if (agent.desk.size > this.#mostOpen.get(at)) this.#mostOpen.set(at, agent.desk.size);
    if (!chosen) return;
    const streak = this.#streaks.get(group);
    if (streak?.agent === agent) streak.length += 1;
    else this.#streaks.set(group, { agent, length: 1 });
    const length = streak?.agent === agent ? streak.length : 1;
    if (length > this.#longestRun.get(at)) this.#longestRun.set(at, length);
  }

  ended(agent: SimulatedAgent): void {
    this.#ended.set(agent.index, this.#ended.get(agent.index) + 1);
  }

  of(agent: SimulatedAgent): Load {
    const at = agent.index;
    return {
      agentId: agent.agentId,
      assigned: this.#assigned.get(at),
      ended: this.#ended.get(at),
      open: agent.desk.size,
      mostOpen: this.#mostOpen.get(at),
      longestRun: this.#longestRun.get(at),
    };
  }
}
