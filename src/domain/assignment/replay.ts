import type { DecisionKind } from './assignments.ts';
import type { Candidate } from './round.ts';
import { compareStandings, type Standing, type TieBreak, tieBreakBetween } from './rules.ts';

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
 * Makes the choice at a position of a stored round again, from the record alone: every choice before
 * it is made by the definition (a plain search for the least standing), so that equality with what
 * was stored proves the record and the engine's faster search at once.
 */
export function replayRound(
  round: { readonly candidates: readonly Candidate[]; readonly prefersPrevious: boolean; readonly isDeal: boolean },
  decisions: readonly RoundDecision[],
): ReplayedChoice {
  let standings = round.candidates.map((candidate) => ({ ...candidate, key: candidate.assignedToday + candidate.handicap }));
  let choice: ReplayedChoice = { standings, agentId: undefined, tieBreak: 'NONE' };
  for (const decision of decisions) {
    choice = choose(standings, decision, round.prefersPrevious);
    standings = standings.flatMap((standing) => (standing.agentId === choice.agentId ? won(standing, decision.sequence, round.isDeal) : standing));
  }
  return choice;
}

function choose(standings: readonly CandidateStanding[], decision: RoundDecision, prefersPrevious: boolean): ReplayedChoice {
  const ordered = [...standings].sort(compareStandings);
  const previous = decision.previousAgentId;
  if (decision.kind === 'REOPEN' && prefersPrevious && ordered.some((standing) => standing.agentId === previous)) {
    return { standings: ordered, agentId: previous ?? undefined, tieBreak: 'PREVIOUS_AGENT' };
  }
  const open = decision.kind === 'REASSIGN' ? ordered.filter((standing) => standing.agentId !== previous) : ordered;
  const [best, runnerUp] = open;
  return { standings: open, agentId: best?.agentId, tieBreak: best ? tieBreakBetween(best, runnerUp) : 'NONE' };
}

/** The winner one ticket later; nobody once his room is used up. */
function won(standing: CandidateStanding, sequence: number, isDeal: boolean): CandidateStanding[] {
  const room = standing.room === null ? null : standing.room - 1;
  if (room !== null && room <= 0) return [];
  const received = standing.received + (isDeal ? 1 : 0);
  return [
    {
      ...standing,
      room,
      received,
      assignedToday: standing.assignedToday + 1,
      key: standing.key + 1,
      openTickets: standing.openTickets + 1,
      lastSequence: sequence,
    },
  ];
}
