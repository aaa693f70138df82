import type { Strategy } from '../groups/index.ts';

/** What decided between the winner and the next best. */
export type TieBreak =
  | 'NONE'
  | 'ONLY_CANDIDATE'
  | 'PREVIOUS_AGENT'
  | 'FEWEST_RECEIVED'
  | 'FEWEST_ASSIGNED_TODAY'
  | 'FEWEST_OPEN_TICKETS'
  | 'LOWEST_RATE'
  | 'LOWEST_SHARE'
  | 'LEAST_RECENTLY_ASSIGNED'
  | 'AGENT_ID';

/** What strategies know of a candidate just before a choice. */
export interface CandidateFacts {
  readonly assignedToday: number;
  readonly handicap: number;
  /** Number of the last decision won, in any group; 0 for none. */
  readonly lastSequence: number;
  /** Pending tickets over all groups. */
  readonly openTickets: number;
  /** 1–1000; 1 where the strategy has no use for it. */
  readonly weight: number;
  /** Time present on the business day, in whole milliseconds; 0 where the strategy has no use for it. */
  readonly presentMs: number;
}

/** What a strategy compares: `key / divisor`, both integers, the divisor at least 1; the lowest wins. */
export interface Rank {
  readonly key: number;
  readonly divisor: number;
}

/**
 * How a strategy ranks candidates. Whatever it finds equal goes to the least recently assigned, then to
 * the lowest id; in a deal, what each has received in it comes before the strategy.
 */
export interface StrategyRule {
  /** What the rank is made of; two agents of one rank are equal to the strategy. */
  rank(facts: CandidateFacts): Rank;
  /** How a difference in rank is called. */
  readonly tieBreak: TieBreak;
  /** Whether ranks move with the clock alone: then a round cannot go on at another instant. */
  readonly dependsOnTime: boolean;
  /** Whether a ticket that leaves a desk moves its agent's rank: then it ends the rounds of his groups. */
  readonly countsOpenTickets: boolean;
  /** Whether it looks at weights. */
  readonly weighs: boolean;
  /** Tickets that count as given to a newcomer who is to start `limit` behind the lowest rank of the others; 0 where the catch-up limit has no meaning. */
  handicap(newcomer: CandidateFacts, others: readonly CandidateFacts[], limit: number): number;
}

const UNMOVED = { dependsOnTime: false, countsOpenTickets: false, weighs: false, handicap: () => 0 };

/**
 * Fewest assigned today, handicap included.
 *
 * Bound: among candidates that stay, start level, and have this group alone, most and fewest assigned differ
 * by at most 1 after every ticket. For a ticket goes to somebody at the minimum m, who then stands at m + 1: if all stood at m
 * or m + 1 before, they do so after.
 */
const leastAssignedToday: StrategyRule = {
  ...UNMOVED,
  rank: ({ assignedToday, handicap }) => ({ key: assignedToday + handicap, divisor: 1 }),
  tieBreak: 'FEWEST_ASSIGNED_TODAY',
  handicap: (newcomer, others, limit) =>
    handicapOfWeighted(
      { ...newcomer, weight: 1 },
      others.map((other) => ({ ...other, weight: 1 })),
      limit,
    ),
};

/**
 * Least recently assigned, in any group; who never was comes before all others.
 *
 * Bound: among candidates that stay and have this group alone, each other one wins exactly once between two wins of the same
 * agent. For they stand in a line ordered by (last decision, id): whoever stands first wins and, with the
 * highest number of all, goes to its end; to come first again he must be passed by each of the others, once.
 */
const roundRobin: StrategyRule = {
  ...UNMOVED,
  rank: ({ lastSequence }) => ({ key: lastSequence, divisor: 1 }),
  tieBreak: 'LEAST_RECENTLY_ASSIGNED',
};

/**
 * Fewest pending tickets, over all groups.
 *
 * Bound: the winner held, before he won, no more than any other candidate; so giving out a ticket leaves the spread (most minus
 * fewest held) at most at the larger of what it was and 1. For the winner, at the minimum m, goes to m + 1: either
 * that is no more than the maximum, which stays, or all stood at m, and the spread is 1. From a level start, with
 * nothing finished meanwhile, it never exceeds 1.
 */
const fewestOpen: StrategyRule = {
  ...UNMOVED,
  rank: ({ openTickets }) => ({ key: openTickets, divisor: 1 }),
  tieBreak: 'FEWEST_OPEN_TICKETS',
  countsOpenTickets: true,
};

/**
 * Fewest assigned today for the time present today. Somebody who came this very moment counts as present for
 * one millisecond: with nothing assigned he ranks lowest, level with all who have nothing; with
 * his first ticket he ranks highest, until his time has caught up.
 *
 * Bound: after each win, (assigned − 1) / present of the winner is at most assigned / present of every
 * other candidate at that instant, since that is how he won. So whenever anybody came, of his tickets all but one are
 * covered by his time at the lowest rate r of the others: assigned ≤ 1 + r · present. Somebody who comes late has a present
 * time near 0, and is given one ticket, not a flood.
 */
const assignedPerHourPresent: StrategyRule = {
  ...UNMOVED,
  rank: ({ assignedToday, presentMs }) => ({ key: assignedToday, divisor: Math.max(1, presentMs) }),
  tieBreak: 'LOWEST_RATE',
  dependsOnTime: true,
};

/**
 * Smallest share with this ticket: (assigned today + handicap + 1) / weight.
 *
 * Bound: among candidates that stay, start level, and have this group alone, for any two after every ticket
 * a_i/w_i − a_j/w_j ≤ 1/w_j, hence |a_i/w_i − a_j/w_j| ≤ 1/min(w_i, w_j). For look at the last win of i, which
 * brought him to a_i: then a_i/w_i ≤ (a_j' + 1)/w_j, where a_j' is what j had; j has not lost any since, so
 * a_i/w_i ≤ (a_j + 1)/w_j. If i never won, a_i = 0 and there is nothing to show. With equal weights the order
 * is that of assigned + handicap: the choices of LEAST_ASSIGNED_TODAY.
 */
const weighted: StrategyRule = {
  ...UNMOVED,
  rank: ({ assignedToday, handicap, weight }) => ({ key: assignedToday + handicap + 1, divisor: weight }),
  tieBreak: 'LOWEST_SHARE',
  weighs: true,
  handicap: handicapOfWeighted,
};

/** How each strategy ranks. Under MANUAL the engine chooses in deals alone, and ranks as the default does. */
export const STRATEGIES: Readonly<Record<Strategy, StrategyRule>> = {
  LEAST_ASSIGNED_TODAY: leastAssignedToday,
  MANUAL: leastAssignedToday,
  ROUND_ROBIN: roundRobin,
  FEWEST_OPEN: fewestOpen,
  ASSIGNED_PER_HOUR_PRESENT: assignedPerHourPresent,
  WEIGHTED: weighted,
};

/** Below, above or equal to zero as the first rank is lower, higher or equal; exact, whatever the numbers. */
export function compareRanks(a: Rank, b: Rank): number {
  if (a.divisor === b.divisor) return a.key - b.key;
  const [left, right] = [a.key * b.divisor, b.key * a.divisor];
  if (Number.isSafeInteger(left) && Number.isSafeInteger(right)) return left - right;
  const difference = BigInt(a.key) * BigInt(b.divisor) - BigInt(b.key) * BigInt(a.divisor);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/**
 * The newcomer starts `limit` tickets of his own behind the lowest share s of the others: the largest whole h with
 * (assigned + h + 1 + limit) / weight ≤ s, but at least 0.
 */
function handicapOfWeighted(newcomer: CandidateFacts, others: readonly CandidateFacts[], limit: number): number {
  const [first, ...rest] = others.map((other): Rank => ({ key: other.assignedToday + other.handicap + 1, divisor: other.weight }));
  if (!first) return 0;
  const lowest = rest.reduce((least, share) => (compareRanks(share, least) < 0 ? share : least), first);
  const level = Number((BigInt(lowest.key) * BigInt(newcomer.weight)) / BigInt(lowest.divisor));
  return Math.max(0, level - 1 - newcomer.assignedToday - limit);
}
