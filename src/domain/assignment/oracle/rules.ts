import { assignedOn, handicapOn, presentMsOn, type WorldAgent, type WorldGroup } from './world.ts';

// The rules of assignment, written a second time from the design and not from the engine: a fault in
// one of the two shows as a difference. Plain searches, no shortcuts; not to be shared with the engine.

/** Why an agent must not be given a group's work by the engine. */
export type Obstacle = 'NOT_MEMBER' | 'DELETED' | 'INACTIVE' | 'AWAY' | 'OFFLINE' | 'LACKS_SKILL' | 'FULL';

/** Active, not deleted and available: there, whatever his skills and room. */
export const isPresent = (agent: WorldAgent): boolean => agent.state?.active === true && !agent.state.deleted && agent.state.availability === 'AVAILABLE';

/** Whether the engine gives out this group's work by itself. */
export const isAutomatic = (group: WorldGroup): boolean => isOpenGroup(group) && group.state?.strategy !== 'MANUAL';

/** Active and not deleted. */
export const isOpenGroup = (group: WorldGroup): boolean => group.state?.active === true && !group.state.deleted;

/** How many tickets more an agent may hold in a group; null for any number. */
export function roomOf(agent: WorldAgent, group: WorldGroup): number | null {
  const limit = Math.min(agent.state?.max_open_tickets ?? Infinity, group.state?.max_open_per_agent ?? Infinity);
  return limit === Infinity ? null : limit - agent.openTickets;
}

/**
 * How many levels are taken off each required skill at an instant, for a ticket that has waited since another, both in microseconds
 * since 1970: one for every span that is over, until nothing is left to take off. Null: it has not waited.
 */
export function levelsTakenOff(group: WorldGroup, waitedSince: number | null, at: number): number {
  const span = group.state?.skill_relaxation_seconds ?? null;
  if (span === null || waitedSince === null) return 0;
  let highest = 0;
  for (const level of Object.values(group.state?.required_skills ?? {})) if (level > highest) highest = level;
  let levels = 0;
  while (levels < highest && waitedSince + (levels + 1) * span * 1_000_000 <= at) levels += 1;
  return levels;
}

/** The first thing that keeps an agent from being given a group's work with so many levels taken off, or undefined. */
export function obstacleTo(agent: WorldAgent, group: WorldGroup, relaxed: number): Obstacle | undefined {
  const { state } = agent;
  if (!state || !group.members.has(agent.agentId)) return 'NOT_MEMBER';
  if (state.deleted) return 'DELETED';
  if (!state.active) return 'INACTIVE';
  if (state.availability !== 'AVAILABLE') return state.availability;
  const required = group.state?.required_skills ?? {};
  for (const skill in required) if ((state.skills[skill] ?? 0) + relaxed < (required[skill] ?? 0)) return 'LACKS_SKILL';
  const room = roomOf(agent, group);
  return room !== null && room <= 0 ? 'FULL' : undefined;
}

/** The agent who must win, and what sets him apart from the next best. */
export interface Verdict {
  readonly agent: WorldAgent;
  readonly tieBreak: string;
}

/** The parameters of one choice. */
export interface Question {
  readonly day: string | undefined;
  /** The instant of the choice, in microseconds since 1970. */
  readonly nowMicros: number;
  /** Levels taken off each required skill. */
  readonly relaxed: number;
  /** Who gets it if he is eligible. */
  readonly preferred: string | null;
  /** Who does not get it, though he may be eligible. */
  readonly excluded: ReadonlySet<string>;
  /** Received so far in the deal that this belongs to; undefined outside deals. */
  readonly received: ReadonlyMap<string, number> | undefined;
}

/** The best of those who are eligible, by the group's rule; undefined when there is none. */
export function decide(group: WorldGroup, question: Question): Verdict | undefined {
  const preferred = question.preferred === null ? undefined : group.members.get(question.preferred);
  if (preferred && obstacleTo(preferred, group, question.relaxed) === undefined) return { agent: preferred, tieBreak: 'PREVIOUS_AGENT' };
  let best: Standing | undefined;
  let second: Standing | undefined;
  for (const agent of group.members.values()) {
    if (question.excluded.has(agent.agentId) || obstacleTo(agent, group, question.relaxed) !== undefined) continue;
    const standing = standingOf(agent, group, question);
    if (!best || isBetter(standing, best)) {
      second = best;
      best = standing;
    } else if (!second || isBetter(standing, second)) {
      second = standing;
    }
  }
  return best && { agent: best.agent, tieBreak: difference(group.state?.strategy, best, second) };
}

/** Handicap of an agent who becomes a candidate of a group on a day: against those who are there already. */
export function handicapOfNewcomer(agent: WorldAgent, group: WorldGroup): number {
  const limit = group.state?.catch_up_limit ?? null;
  const strategy = group.state?.strategy;
  if (limit === null || strategy === 'ROUND_ROBIN' || strategy === 'FEWEST_OPEN' || strategy === 'ASSIGNED_PER_HOUR_PRESENT') return 0;
  const { day } = group;
  const own = strategy === 'WEIGHTED' ? weightOf(agent) : 1;
  let level = Infinity;
  for (const other of group.members.values()) {
    if (other === agent || !isPresent(other)) continue;
    const key = assignedOn(other, day) + handicapOn(group.handicaps.get(other.agentId), day);
    // With how many of his own the newcomer has no more for his weight than the other will have with his next.
    level = Math.min(level, strategy === 'WEIGHTED' ? Number((BigInt(key + 1) * BigInt(own)) / BigInt(weightOf(other))) - 1 : key);
  }
  return level === Infinity ? 0 : Math.max(0, level - limit - assignedOn(agent, day));
}

interface Standing {
  readonly agent: WorldAgent;
  readonly received: number;
  /** The lower `over / under` is the better. */
  readonly over: number;
  readonly under: number;
  readonly lastSequence: number;
}

function standingOf(agent: WorldAgent, group: WorldGroup, question: Question): Standing {
  return { agent, received: question.received?.get(agent.agentId) ?? 0, ...shareOf(agent, group, question), lastSequence: agent.lastSequence };
}

function shareOf(agent: WorldAgent, group: WorldGroup, { day, nowMicros }: Question): { over: number; under: number } {
  const today = assignedOn(agent, day);
  const counted = today + handicapOn(group.handicaps.get(agent.agentId), day);
  switch (group.state?.strategy) {
    case 'ROUND_ROBIN':
      return { over: agent.lastSequence, under: 1 };
    case 'FEWEST_OPEN':
      return { over: agent.openTickets, under: 1 };
    case 'ASSIGNED_PER_HOUR_PRESENT':
      return { over: today, under: presentMsOn(agent, group, nowMicros) || 1 };
    case 'WEIGHTED':
      return { over: counted + 1, under: weightOf(agent) };
    default:
      return { over: counted, under: 1 };
  }
}

/** His share of the work relative to others. */
export const weightOf = (agent: WorldAgent): number => agent.state?.weight ?? 1;

const hasEqualShare = (a: Standing, b: Standing): boolean =>
  a.under === b.under ? a.over === b.over : BigInt(a.over) * BigInt(b.under) === BigInt(b.over) * BigInt(a.under);

const hasLowerShare = (a: Standing, b: Standing): boolean =>
  a.under === b.under ? a.over < b.over : BigInt(a.over) * BigInt(b.under) < BigInt(b.over) * BigInt(a.under);

function isBetter(a: Standing, b: Standing): boolean {
  if (a.received !== b.received) return a.received < b.received;
  if (!hasEqualShare(a, b)) return hasLowerShare(a, b);
  if (a.lastSequence !== b.lastSequence) return a.lastSequence < b.lastSequence;
  return a.agent.agentId < b.agent.agentId;
}

const NAMES: Readonly<Record<string, string>> = {
  ROUND_ROBIN: 'LEAST_RECENTLY_ASSIGNED',
  FEWEST_OPEN: 'FEWEST_OPEN_TICKETS',
  ASSIGNED_PER_HOUR_PRESENT: 'LOWEST_RATE',
  WEIGHTED: 'LOWEST_SHARE',
};

function difference(strategy: string | undefined, best: Standing, second: Standing | undefined): string {
  if (!second) return 'ONLY_CANDIDATE';
  if (best.received !== second.received) return 'FEWEST_RECEIVED';
  if (!hasEqualShare(best, second)) return NAMES[strategy ?? ''] ?? 'FEWEST_ASSIGNED_TODAY';
  return best.lastSequence !== second.lastSequence ? 'LEAST_RECENTLY_ASSIGNED' : 'AGENT_ID';
}
