import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Assignments, type Policy, type RosterAgent } from '../../../src/domain/assignment/index.ts';
import { type CandidateFacts, compareRanks, STRATEGIES } from '../../../src/domain/assignment/strategies.ts';
import { microsOf } from '../../../src/foundation/clock.ts';
import { countingNumbers, rosterAgent, rosterGroup, rosterOf } from '../../support/roster.ts';

const MORNING = '2026-03-02 09:00:00+00';
const HOUR_MS = 3_600_000;

/** A group that has its agents to itself; gives out one ticket after another, each at its own instant if need be. */
function team(strategy: Policy['strategy'], agents: readonly RosterAgent[]) {
  const roster = rosterOf([rosterGroup('g', agents, { policy: { strategy } })]);
  const numbers = countingNumbers();
  const seeker = { ticketId: 't', groupId: 'g', kind: 'CREATE', previousAgentId: null, waitStart: null, requestKey: 'r' } as const;
  const together = new Assignments(roster, MORNING, numbers);
  return {
    give: (at?: string): RosterAgent => {
      const winner = (at === undefined ? together : new Assignments(roster, at, numbers)).place(seeker);
      if (!winner) throw new Error('nobody took it');
      return winner;
    },
    finish: (agent: RosterAgent): void => together.release(seeker, agent, true),
  };
}

const crew = (size: number, more: (at: number) => Partial<RosterAgent> = () => ({})): RosterAgent[] =>
  Array.from({ length: size }, (_, at) => rosterAgent(`agent-${at}`, more(at)));
const ids = (agents: readonly RosterAgent[]): string[] => agents.map((agent) => agent.agentId);

describe('round robin', () => {
  it('gives each other agent exactly one ticket between two of the same, wherever it begins', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 60 }), (begun, tickets) => {
        const agents = crew(begun.length, (at) => ({ lastAssignedSequence: -(begun[at] as number), assignedToday: begun[at] as number }));
        const { give } = team('ROUND_ROBIN', agents);
        const winners = ids(Array.from({ length: tickets }, () => give()));
        for (const [at, winner] of winners.entries()) {
          const again = winners.indexOf(winner, at + 1);
          if (again >= 0)
            expect(winners.slice(at + 1, again).sort()).toEqual(
              ids(agents)
                .filter((id) => id !== winner)
                .sort(),
            );
        }
      }),
    );
  });

  it('lets one who comes late take his turn once, whatever the others were given before him', () => {
    const agents = crew(3, (at) => (at === 2 ? {} : { assignedToday: 20, lastAssignedSequence: -10 - at }));
    const { give } = team('ROUND_ROBIN', agents);
    expect(ids([give(), give(), give(), give()])).toEqual(['agent-1', 'agent-0', 'agent-2', 'agent-1']);
  });
});

describe('fewest open', () => {
  it('gives to nobody who holds more than another, and never widens the difference beyond one or what it was', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 8 }), fc.array(fc.option(fc.nat(7)), { maxLength: 60 }), (held, steps) => {
        const agents = crew(held.length, (at) => ({ openTickets: held[at] as number }));
        const spread = (): number => Math.max(...agents.map((agent) => agent.openTickets)) - Math.min(...agents.map((agent) => agent.openTickets));
        const { give, finish } = team('FEWEST_OPEN', agents);
        for (const step of steps) {
          const finisher = step === null ? undefined : agents[step];
          if (finisher && finisher.openTickets > 0) {
            finish(finisher);
            continue;
          }
          const before = agents.map((agent) => agent.openTickets);
          const wide = spread();
          const winner = give();
          expect(winner.openTickets - 1).toBe(Math.min(...before));
          expect(spread()).toBeLessThanOrEqual(Math.max(1, wide));
        }
      }),
    );
  });

  it('keeps most and fewest at most one apart from a level start', () => {
    const agents = crew(4);
    const { give } = team('FEWEST_OPEN', agents);
    for (let ticket = 0; ticket < 30; ticket++) {
      give();
      const held = agents.map((agent) => agent.openTickets);
      expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
    }
  });
});

describe('by weight', () => {
  it('keeps tickets divided by weight at most one divided by the lower weight apart, after every single ticket', () => {
    const weights = fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1000 })), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 120 }), (shares, tickets) => {
        const agents = crew(shares.length, (at) => ({ weight: shares[at] as number }));
        const { give } = team('WEIGHTED', agents);
        for (let ticket = 0; ticket < tickets; ticket++) {
          give();
          // a/w − b/v ≤ 1/v, in whole numbers.
          for (const a of agents) for (const b of agents) expect(a.assignedToday * b.weight - b.assignedToday * a.weight).toBeLessThanOrEqual(a.weight);
        }
      }),
    );
  });

  it('gives three to one where weights are three to one, spread over time', () => {
    const { give } = team('WEIGHTED', [rosterAgent('half', { weight: 1 }), rosterAgent('senior', { weight: 3 })]);
    expect(ids(Array.from({ length: 8 }, () => give()))).toEqual(['senior', 'senior', 'half', 'senior', 'senior', 'senior', 'half', 'senior']);
  });

  it('with equal weights chooses as the default does', () => {
    const facts = fc.array(fc.record({ assignedToday: fc.nat(9), lastAssignedSequence: fc.integer({ min: -9, max: 0 }) }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(facts, fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 30 }), (given, weight, tickets) => {
        const [weighted, plain] = (['WEIGHTED', 'LEAST_ASSIGNED_TODAY'] as const).map((strategy) =>
          team(
            strategy,
            crew(given.length, (at) => ({ ...given[at], weight })),
          ),
        );
        for (let ticket = 0; ticket < tickets; ticket++) expect(weighted?.give().agentId).toBe(plain?.give().agentId);
      }),
    );
  });
});

describe('by time present', () => {
  const at = (minutes: number): string => `2026-03-02 ${String(9 + Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00+00`;
  const since = (minutes: number) => ({ endedMicros: 0, sinceMicros: microsOf(at(minutes)) });

  it('never lets an agent’s tickets but one exceed his time at the lowest rate of the others, whenever he came', () => {
    const days = fc.record({
      arrivals: fc.array(fc.nat(300), { minLength: 2, maxLength: 6 }),
      given: fc.array(fc.nat(8), { minLength: 6, maxLength: 6 }),
      gaps: fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }),
    });
    fc.assert(
      fc.property(days, ({ arrivals, given, gaps }) => {
        const agents = crew(arrivals.length, (n) => ({ presence: since(arrivals[n] as number), assignedToday: given[n] as number }));
        const { give } = team('ASSIGNED_PER_HOUR_PRESENT', agents);
        let minutes = 300;
        for (const gap of gaps) {
          minutes += gap;
          const winner = give(at(minutes));
          const presentMs = (agent: RosterAgent): number => Math.max(1, (microsOf(at(minutes)) - (agent.presence?.sinceMicros ?? 0)) / 1000);
          for (const other of agents) {
            if (other === winner) continue;
            expect((winner.assignedToday - 1) * presentMs(other)).toBeLessThanOrEqual(other.assignedToday * presentMs(winner));
          }
        }
      }),
    );
  });

  it('gives one who comes late one ticket, and the next when he has earned it', () => {
    // After five hours each of the others has 150; one ticket a minute from then on.
    const early = { presence: since(0), assignedToday: 150 };
    const { give } = team('ASSIGNED_PER_HOUR_PRESENT', [
      rosterAgent('early-1', early),
      rosterAgent('early-2', early),
      rosterAgent('late', { presence: since(300) }),
    ]);
    const late = Array.from({ length: 120 }, (_, minute) => give(at(300 + minute)).agentId);
    expect(late[0]).toBe('late');
    const own = late.filter((id) => id === 'late').length;
    // Two hours at a rate between 20 and 30 an hour, and his first.
    expect(own).toBeGreaterThanOrEqual(40);
    expect(own).toBeLessThanOrEqual(61);
    for (let start = 0; start + 4 <= late.length; start++) expect(late.slice(start, start + 4).filter((id) => id === 'late').length).toBeLessThanOrEqual(2);
  });

  it('ranks who came this very moment lowest with nothing, highest with his first ticket', () => {
    const rank = (assignedToday: number, presentMs: number) => STRATEGIES.ASSIGNED_PER_HOUR_PRESENT.rank({ ...plain, assignedToday, presentMs });
    expect(compareRanks(rank(0, 0), rank(1, 8 * HOUR_MS))).toBeLessThan(0);
    expect(compareRanks(rank(0, 0), rank(0, 8 * HOUR_MS))).toBe(0);
    expect(compareRanks(rank(1, 0), rank(1000, HOUR_MS))).toBeGreaterThan(0);
  });

  it('leaves out of account the time that somebody was away', () => {
    const back = { endedMicros: 30 * 60_000_000, sinceMicros: microsOf(at(240)) };
    const { give } = team('ASSIGNED_PER_HOUR_PRESENT', [
      rosterAgent('away', { presence: back, assignedToday: 2 }),
      rosterAgent('there', { presence: since(0), assignedToday: 5 }),
    ]);
    // 2 in 60 minutes against 5 in 270.
    expect(give(at(270)).agentId).toBe('there');
  });
});

const plain: CandidateFacts = { assignedToday: 0, handicap: 0, lastSequence: 0, openTickets: 0, weight: 1, presentMs: 0 };

describe('the comparison of shares', () => {
  it('is exact, whatever the numbers', () => {
    const share = fc.record({ key: fc.nat(2 ** 31 - 1), divisor: fc.integer({ min: 1, max: 90_000_000 }) });
    fc.assert(
      fc.property(share, share, (a, b) => {
        const exact = BigInt(a.key) * BigInt(b.divisor) - BigInt(b.key) * BigInt(a.divisor);
        expect(Math.sign(compareRanks(a, b))).toBe(exact < 0n ? -1 : exact > 0n ? 1 : 0);
      }),
      { numRuns: 1000 },
    );
    expect(compareRanks({ key: 2 ** 31 - 1, divisor: 90_000_000 }, { key: 2 ** 31 - 2, divisor: 89_999_999 })).toBeLessThan(0);
  });
});

describe('the handicap of who comes late', () => {
  const handicap = (strategy: Policy['strategy'], limit: number, own: Partial<CandidateFacts>, ...others: Partial<CandidateFacts>[]) =>
    STRATEGIES[strategy].handicap(
      { ...plain, ...own },
      others.map((other) => ({ ...plain, ...other })),
      limit,
    );

  it('lets him start as many behind the lowest as the limit says, handicaps of others included', () => {
    const others = [{ assignedToday: 26 }, { assignedToday: 20, handicap: 7 }, { assignedToday: 30 }];
    expect(handicap('LEAST_ASSIGNED_TODAY', 0, {}, ...others)).toBe(26);
    expect(handicap('LEAST_ASSIGNED_TODAY', 5, {}, ...others)).toBe(21);
    expect(handicap('LEAST_ASSIGNED_TODAY', 5, { assignedToday: 2 }, ...others)).toBe(19);
  });

  it('is never negative, and nothing when nobody else is there', () => {
    expect(handicap('LEAST_ASSIGNED_TODAY', 5, {}, { assignedToday: 3 })).toBe(0);
    expect(handicap('LEAST_ASSIGNED_TODAY', 0, { assignedToday: 40 }, { assignedToday: 26 })).toBe(0);
    for (const strategy of ['LEAST_ASSIGNED_TODAY', 'WEIGHTED'] as const) expect(handicap(strategy, 0, {})).toBe(0);
  });

  it('counts by weight under WEIGHTED: level shares, not level numbers', () => {
    expect(handicap('WEIGHTED', 0, { weight: 2 }, { assignedToday: 9, weight: 1 }, { assignedToday: 30, weight: 2 })).toBe(19);
    expect(handicap('WEIGHTED', 4, { weight: 2 }, { assignedToday: 9, weight: 1 })).toBe(15);
    expect(handicap('WEIGHTED', 0, { weight: 1 }, { assignedToday: 4, weight: 3 })).toBe(0);
  });

  it('under WEIGHTED is the largest that lets him start no more than the limit behind', () => {
    const someone = fc.record({ assignedToday: fc.nat(200), handicap: fc.nat(20), weight: fc.integer({ min: 1, max: 1000 }) });
    fc.assert(
      fc.property(someone, fc.array(someone, { minLength: 1, maxLength: 5 }), fc.nat(10), (own, others, limit) => {
        const newcomer = { ...plain, ...own };
        const shares = others.map((other) => STRATEGIES.WEIGHTED.rank({ ...plain, ...other }));
        const value = STRATEGIES.WEIGHTED.handicap(
          newcomer,
          others.map((other) => ({ ...plain, ...other })),
          limit,
        );
        const ahead = (handicapOf: number) =>
          shares.some((share) => compareRanks(STRATEGIES.WEIGHTED.rank({ ...newcomer, handicap: handicapOf + limit }), share) > 0);
        if (value > 0) expect(ahead(value)).toBe(false);
        expect(ahead(value + 1)).toBe(true);
      }),
    );
  });

  it('is nothing under the strategies that count nothing of the day', () => {
    for (const strategy of ['ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT'] as const)
      expect(handicap(strategy, 0, {}, { assignedToday: 26, openTickets: 26, lastSequence: 26 })).toBe(0);
  });
});
