import type { RosterAgent, RosterGroup } from './roster.ts';
import { compareRanks, type Rank, type StrategyRule, type TieBreak } from './strategies.ts';

/** Why a member cannot be given work in a group just now. */
export type LeftOutReason = 'INACTIVE' | 'AWAY' | 'OFFLINE' | 'LACKS_SKILL' | 'FULL' | 'EXCLUDED';

/** One agent's place in a choice: what he received in the deal, then his rank by the group's strategy, then the rest. */
export interface Standing extends Rank {
  readonly agentId: string;
  /** Tickets received in this deal; 0 outside a deal. */
  readonly received: number;
  /** Number of the last decision won, 0 for none. */
  readonly lastSequence: number;
}

/** Tickets an agent can still be given in a group; infinite where neither he nor the policy has a limit. */
export function roomOf(agent: RosterAgent, group: RosterGroup): number {
  const limit = Math.min(agent.maxOpenTickets ?? Infinity, group.policy.maxOpenPerAgent ?? Infinity);
  return limit - agent.openTickets;
}

/**
 * Why a member is not eligible, or undefined when he is, for tickets that have waited so long that `relaxed` levels are
 * taken off each required skill. A deleted agent is no member any more.
 */
export function whyLeftOut(agent: RosterAgent, group: RosterGroup, relaxed = 0): LeftOutReason | undefined {
  if (!agent.active) return 'INACTIVE';
  if (agent.availability !== 'AVAILABLE') return agent.availability;
  for (const [skill, level] of Object.entries(group.policy.requiredSkills)) {
    if ((agent.skills[skill] ?? 0) < level - relaxed) return 'LACKS_SKILL';
  }
  return roomOf(agent, group) <= 0 ? 'FULL' : undefined;
}

/** Whether the engine gives out work of this group by itself. */
export const isAutomatic = (group: RosterGroup): boolean => group.active && !group.deleted && group.policy.strategy !== 'MANUAL';

/**
 * Order of a choice, best first: fewest received in this deal, then rank by the strategy, then least recently
 * assigned, then agent id by its bytes. On a steady roster the default strategy is round robin.
 */
export function compareStandings(a: Standing, b: Standing): number {
  return a.received - b.received || compareRanks(a, b) || a.lastSequence - b.lastSequence || compareIds(a.agentId, b.agentId);
}

/** Order of agent ids, as `COLLATE "C"` has it: they are ASCII. */
export const compareIds = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What set the winner apart from the runner-up, under a strategy. */
export function tieBreakBetween(strategy: StrategyRule, winner: Standing, runnerUp: Standing | undefined): TieBreak {
  if (!runnerUp) return 'ONLY_CANDIDATE';
  if (winner.received !== runnerUp.received) return 'FEWEST_RECEIVED';
  if (compareRanks(winner, runnerUp) !== 0) return strategy.tieBreak;
  return winner.lastSequence !== runnerUp.lastSequence ? 'LEAST_RECENTLY_ASSIGNED' : 'AGENT_ID';
}

/** Waiting order and deal order: priority (highest first), create time, ticket id. */
export function compareWaiting(
  a: { priority: number; create_time: string; ticket_id: string },
  b: { priority: number; create_time: string; ticket_id: string },
): number {
  return b.priority - a.priority || compareInstants(a.create_time, b.create_time) || compareIds(a.ticket_id, b.ticket_id);
}

// PostgreSQL drops trailing zeros of the fraction, so `…:06+00` and `…:06.5+00` need their common form.
const compareInstants = (a: string, b: string): number => (a === b ? 0 : compareIds(padInstant(a), padInstant(b)));

function padInstant(instant: string): string {
  const [whole = '', fraction = ''] = instant.replace(/\+00$/, '').split('.');
  return `${whole}.${fraction.padEnd(6, '0')}`;
}
