import { microsOf } from '../../../foundation/clock.ts';
import type { AgentState, GroupState, RoundRow } from './history.ts';

/** An agent as the history so far makes him. */
export interface WorldAgent {
  readonly agentId: string;
  /** Undefined until the history says that he exists. */
  state: AgentState | undefined;
  readonly groups: Set<WorldGroup>;
  /** When he was present, oldest first, in microseconds since 1970; only of the last days. */
  readonly spans: Span[];
  /** The business day that the counts of today belong to; '-infinity' before the first. */
  day: string;
  assignedToday: number;
  resolvedToday: number;
  totalAssigned: number;
  totalResolved: number;
  openTickets: number;
  /** Number of the last decision won, 0 for none. */
  lastSequence: number;
  lastAssignTime: string | null;
}

/** A span of presence; `to` is undefined while it lasts. */
export interface Span {
  readonly from: number;
  to: number | undefined;
}

/** A handicap and the day that it ends with. */
export interface DayHandicap {
  readonly day: string | undefined;
  readonly value: number;
}

/** A group as the history so far makes it. */
export interface WorldGroup {
  readonly groupId: string;
  /** Undefined until the history says that it exists. */
  state: GroupState | undefined;
  /** Its business day; undefined until a DAY row names the group. */
  day: string | undefined;
  /** When that day began, in microseconds since 1970. */
  dayStart: number;
  /** Up to when the waiting of its tickets has been put into effect, in microseconds since 1970. */
  relaxedMicros: number;
  /** Everybody with a membership, deleted agents too, by id. */
  readonly members: Map<string, WorldAgent>;
  /** What the rule gives, by agent. */
  readonly handicaps: Map<string, DayHandicap>;
  /** What the HANDICAP rows say, by agent. */
  readonly recordedHandicaps: Map<string, DayHandicap>;
  /** Agents whose recorded handicap is not yet what the rule gives. */
  readonly unrecorded: Set<string>;
  /** The round whose tickets are being placed, and how often each agent has won in it. */
  round: { readonly row: RoundRow; next: number; readonly wins: Map<string, number> } | undefined;
}

/** Everything that a decision may depend on, rebuilt from history alone. */
export class World {
  readonly agents = new Map<string, WorldAgent>();
  readonly groups = new Map<string, WorldGroup>();

  /** The agent of this id, made on first mention. */
  agent(agentId: string): WorldAgent {
    let agent = this.agents.get(agentId);
    if (!agent) {
      agent = {
        agentId,
        state: undefined,
        groups: new Set(),
        spans: [],
        day: '-infinity',
        assignedToday: 0,
        resolvedToday: 0,
        totalAssigned: 0,
        totalResolved: 0,
        openTickets: 0,
        lastSequence: 0,
        lastAssignTime: null,
      };
      this.agents.set(agentId, agent);
    }
    return agent;
  }

  /** The group of this id, made on first mention. */
  group(groupId: string): WorldGroup {
    let group = this.groups.get(groupId);
    if (!group) {
      group = {
        groupId,
        state: undefined,
        day: undefined,
        dayStart: -Infinity,
        relaxedMicros: -Infinity,
        members: new Map(),
        handicaps: new Map(),
        recordedHandicaps: new Map(),
        unrecorded: new Set(),
        round: undefined,
      };
      this.groups.set(groupId, group);
    }
    return group;
  }
}

/** Tickets that an agent was assigned on a business day: counts of another day are over. */
export const assignedOn = (agent: WorldAgent, day: string | undefined): number => (agent.day === day ? agent.assignedToday : 0);

/** A handicap as it counts on a business day. */
export const handicapOn = (handicap: DayHandicap | undefined, day: string | undefined): number => (handicap && handicap.day === day ? handicap.value : 0);

/** Moves an agent's counts to a business day. */
export function turnDay(agent: WorldAgent, day: string): void {
  if (agent.day === day) return;
  agent.day = day;
  agent.assignedToday = 0;
  agent.resolvedToday = 0;
}

/** Days that spans of presence are kept for: more than any business day reaches back. */
const SPANS_KEPT_MICROS = 3 * 86_400_000_000;

/** An agent is present, or not, from an instant on. */
export function notePresence(agent: WorldAgent, present: boolean, time: string): void {
  const at = microsOf(time);
  const last = agent.spans.at(-1);
  const lasts = last !== undefined && last.to === undefined;
  if (present === lasts) return;
  if (lasts) {
    last.to = at;
    return;
  }
  while ((agent.spans[0]?.to ?? at) < at - SPANS_KEPT_MICROS) agent.spans.shift();
  agent.spans.push({ from: at, to: undefined });
}

/** How long an agent was present in a group's business day, up to an instant in microseconds since 1970; in whole milliseconds. */
export function presentMsOn(agent: WorldAgent, group: WorldGroup, nowMicros: number): number {
  let micros = 0;
  for (const { from, to } of agent.spans) micros += Math.max(0, (to ?? nowMicros) - Math.max(from, group.dayStart));
  return Math.floor(micros / 1000);
}
