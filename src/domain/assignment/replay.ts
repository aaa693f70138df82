import type { Strategy } from '../groups/index.ts';
import type { DecisionKind } from './assignments.ts';
import type { Candidate } from './round.ts';
import { compareStandings, type Standing, tieBreakBetween } from './rules.ts';
import { STRATEGIES, type StrategyRule, type TieBreak } from './strategies.ts';

/** What a round's choices depend on, as it is stored. */
export interface RoundToReplay {
  readonly candidates: readonly Candidate[];
  readonly strategy: Strategy;
  readonly prefersPrevious: boolean;
  readonly isDeal: boolean;
}

/** A decision of a round, as far as its choice depends on it. */
export interface RoundDecision {
  readonly sequence: number;
  readonly kind: Exclude<DecisionKind, 'MANUAL'>;
  readonly previousAgentId: string | null;
}

/** A candidate just before a decision. */
export interface CandidateStanding extends Candidate, Standing {}

/** A choice made again: who stood how, best first, and who it must be. */
export interface ReplayedChoice {
  readonly standings: readonly CandidateStanding[];
  readonly agentId: string | undefined;
  readonly tieBreak: TieBreak;
}

/**
 * Makes the choices of a stored round again, from the record alone, one for each of its decisions in their
 * order: each by the definition (a plain search for the least standing), so that equality with what was stored proves
 * the record and the engine's faster search at once.
 */
export function* replayRound(round: RoundToReplay, decisions: Iterable<RoundDecision>): Generator<ReplayedChoice, undefined> {
  const strategy = STRATEGIES[round.strategy];
  let standings = round.candidates.map((candidate) => standingOf(strategy, candidate));
  for (const decision of decisions) {
    const choice = choose(strategy, standings, decision, round.prefersPrevious);
    yield choice;
    standings = standings.flatMap((standing) => (standing.agentId === choice.agentId ? won(strategy, standing, decision.sequence, round.isDeal) : standing));
  }
}

const standingOf = (strategy: StrategyRule, candidate: Candidate): CandidateStanding => ({ ...candidate, ...strategy.rank(candidate) });

function choose(strategy: StrategyRule, standings: readonly CandidateStanding[], decision: RoundDecision, prefersPrevious: boolean): ReplayedChoice {
  const ordered = [...standings].sort(compareStandings);
  const previous = decision.previousAgentId;
  if (decision.kind === 'REOPEN' && prefersPrevious && ordered.some((standing) => standing.agentId === previous)) {
    return { standings: ordered, agentId: previous ?? undefined, tieBreak: 'PREVIOUS_AGENT' };
  }
  const open = decision.kind === 'REASSIGN' ? ordered.filter((standing) => standing.agentId !== previous) : ordered;
  const [best, runnerUp] = open;
  return { standings: open, agentId: best?.agentId, tieBreak: best ? tieBreakBetween(strategy, best, runnerUp) : 'NONE' };
}

/** The winner one ticket later; nobody once his room is used up. */
function won(strategy: StrategyRule, candidate: Candidate, sequence: number, isDeal: boolean): CandidateStanding[] {
  const room = candidate.room === null ? null : candidate.room - 1;
  if (room !== null && room <= 0) return [];
  return [
    standingOf(strategy, {
      ...candidate,
      room,
      received: candidate.received + (isDeal ? 1 : 0),
      assignedToday: candidate.assignedToday + 1,
      openTickets: candidate.openTickets + 1,
      lastSequence: sequence,
    }),
  ];
}
