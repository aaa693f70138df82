import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Assignments, type RosterAgent } from '../../../src/domain/assignment/index.ts';
import { type RoundDecision, replayRound } from '../../../src/domain/assignment/replay.ts';
import type { Deal } from '../../../src/domain/assignment/round.ts';
import { countingNumbers, rosterAgent, rosterGroup, rosterOf } from '../../support/roster.ts';

const IDS = ['a', 'b', 'c', 'd'];
const agentArbitrary = fc.record({
  maxOpenTickets: fc.constantFrom(null, 2, 3),
  openTickets: fc.nat(1),
  assignedToday: fc.nat(3),
  lastAssignedSequence: fc.nat(3),
});
const stepArbitrary = fc.record({ kind: fc.constantFrom('CREATE', 'WAITING', 'REOPEN', 'REASSIGN', 'DEAL', 'RELEASE'), previous: fc.nat(3) });

describe('a stored round', () => {
  it('replayed to any position makes the same choice for the same reason', () => {
    fc.assert(
      fc.property(
        fc.array(agentArbitrary, { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        fc.array(stepArbitrary, { maxLength: 30 }),
        (facts, preferPreviousAgent, steps) => {
          const agents = facts.map((fact, at) => rosterAgent(IDS[at] as string, fact as Partial<RosterAgent>));
          const assignments = new Assignments(
            rosterOf([rosterGroup('g', agents, { policy: { preferPreviousAgent } })]),
            '2026-03-02 09:00:00+00',
            countingNumbers(),
          );
          const deal: Deal = { dealId: assignments.nextNumber(), received: new Map(), givers: new Set(['d']), receivers: undefined };
          for (const { kind, previous } of steps) {
            const seeker = { ticketId: 't', groupId: 'g', previousAgentId: IDS[previous] as string, waitStart: null, requestKey: 'r' };
            if (kind === 'RELEASE') assignments.release(seeker, agents[previous] as RosterAgent, true);
            else if (kind === 'DEAL') assignments.deal({ ...seeker, kind: 'REASSIGN' }, deal);
            else assignments.place({ ...seeker, kind });
          }
          for (const decision of assignments.decisions) {
            const round = assignments.rounds.find((candidate) => candidate.roundId === decision.roundId);
            if (!round) throw new Error('a decision names a round that is not kept');
            const upTo = assignments.decisions.filter((other) => other.roundId === decision.roundId && (other.position ?? 0) <= (decision.position ?? 0));
            const { candidates, policy, rule } = round.record;
            const choices = [
              ...replayRound(
                { candidates, strategy: policy.strategy, prefersPrevious: policy.preferPreviousAgent, isDeal: rule === 'DEAL' },
                upTo as RoundDecision[],
              ),
            ];
            const choice = choices.at(-1);
            expect({ agentId: choice?.agentId, tieBreak: choice?.tieBreak }).toEqual({ agentId: decision.agentId, tieBreak: decision.tieBreak });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shows the standings just before the choice, best first', () => {
    const candidate = (agentId: string, assignedToday: number, handicap: number) => ({
      agentId,
      assignedToday,
      handicap,
      lastSequence: 0,
      openTickets: 1,
      weight: 1,
      presentMs: 0,
      room: null,
      received: 0,
    });
    const decision = (sequence: number): RoundDecision => ({ sequence, kind: 'CREATE', previousAgentId: null });
    const round = { candidates: [candidate('a', 0, 3), candidate('b', 2, 0)], strategy: 'LEAST_ASSIGNED_TODAY', prefersPrevious: true, isDeal: false } as const;
    const last = [...replayRound(round, [decision(10), decision(11)])].at(-1);
    expect(last?.agentId).toBe('a');
    expect(last?.standings.map((one) => [one.agentId, one.key, one.assignedToday, one.lastSequence])).toEqual([
      ['a', 3, 0, 0],
      ['b', 3, 3, 10],
    ]);
  });
});
