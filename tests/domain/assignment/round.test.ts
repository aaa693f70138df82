import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Assignments, type Policy, type RosterAgent, type RosterGroup } from '../../../src/domain/assignment/index.ts';
import type { Deal } from '../../../src/domain/assignment/round.ts';
import { microsOf } from '../../../src/foundation/clock.ts';
import { countingNumbers, rosterAgent, rosterGroup, rosterOf } from '../../support/roster.ts';

const NOW = '2026-03-02 09:00:00+00';

/** One ticket that looks for an agent, or one that leaves a desk. */
interface Step {
  readonly group: number;
  readonly kind: 'CREATE' | 'WAITING' | 'REOPEN' | 'REASSIGN' | 'DEAL' | 'GIVE' | 'RELEASE';
  readonly agent: number;
}

const AGENTS = ['a', 'b', 'C', 'd', 'e'];

const agentArbitrary = fc.record({
  availability: fc.constantFrom('AVAILABLE', 'AVAILABLE', 'AVAILABLE', 'AWAY', 'OFFLINE'),
  active: fc.constantFrom(true, true, true, false),
  maxOpenTickets: fc.constantFrom(null, null, 1, 3),
  openTickets: fc.nat(2),
  assignedToday: fc.nat(4),
  lastAssignedSequence: fc.nat(3),
  skills: fc.constantFrom({}, { german: 2 }),
  weight: fc.integer({ min: 1, max: 4 }),
  presence: fc.record({ endedMicros: fc.nat(9_000_000), sinceMicros: fc.option(fc.nat(9).map((seconds) => microsOf(NOW) - seconds * 1_000_000)) }),
});
const groupArbitrary = fc.record({
  strategy: fc.constantFrom<Policy['strategy']>('LEAST_ASSIGNED_TODAY', 'ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT', 'WEIGHTED'),
  members: fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }),
  maxOpenPerAgent: fc.constantFrom(null, null, 4),
  requiredSkills: fc.constantFrom({}, {}, { german: 1 }),
  preferPreviousAgent: fc.boolean(),
  handicaps: fc.array(fc.nat(4), { minLength: 5, maxLength: 5 }),
});
const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  group: fc.nat(1),
  kind: fc.constantFrom('CREATE', 'CREATE', 'CREATE', 'WAITING', 'REOPEN', 'REASSIGN', 'DEAL', 'DEAL', 'GIVE', 'RELEASE'),
  agent: fc.nat(4),
});
const dealArbitrary = fc.record({ givers: fc.subarray([0, 1, 2], { maxLength: 2 }), receivers: fc.option(fc.subarray([0, 1, 2, 3, 4], { minLength: 1 })) });

/** Who takes the next ticket, by the definition: a plain look at everybody, from what is true at this moment. */
function pickByDefinition(group: RosterGroup, step: Step, deal: Deal): string | undefined {
  const previous = AGENTS[step.agent];
  const eligible = group.members.filter((agent) => {
    const limit = Math.min(agent.maxOpenTickets ?? Infinity, group.policy.maxOpenPerAgent ?? Infinity);
    const skilled = Object.entries(group.policy.requiredSkills).every(([skill, level]) => (agent.skills[skill] ?? 0) >= level);
    return agent.active && agent.availability === 'AVAILABLE' && skilled && agent.openTickets < limit;
  });
  if (step.kind === 'REOPEN' && group.policy.preferPreviousAgent && eligible.some((agent) => agent.agentId === previous)) return previous;
  const dealt = step.kind === 'DEAL';
  const able = eligible.filter((agent) => {
    if (dealt && (deal.givers.has(agent.agentId) || (deal.receivers && !deal.receivers.has(agent.agentId)))) return false;
    return agent.agentId !== previous || !['DEAL', 'REASSIGN'].includes(step.kind);
  });
  let best: RosterAgent | undefined;
  for (const agent of able) if (!best || comesBefore(agent, best, group, dealt ? deal : undefined)) best = agent;
  return best?.agentId;
}

function comesBefore(a: RosterAgent, b: RosterAgent, group: RosterGroup, deal: Deal | undefined): boolean {
  const place = (agent: RosterAgent): (number | string)[] => [
    deal?.received.get(agent.agentId) ?? 0,
    shareOf(agent, group),
    agent.lastAssignedSequence,
    agent.agentId,
  ];
  const [first, second] = [place(a), place(b)];
  const at = first.findIndex((value, index) => value !== second[index]);
  return at >= 0 && (first[at] as number) < (second[at] as number);
}

/** What the strategies compare, in floating point: the numbers here are so small that equal shares come out equal. */
function shareOf(agent: RosterAgent, group: RosterGroup): number {
  const today = agent.assignedToday + (group.handicaps.get(agent.agentId) ?? 0);
  const { endedMicros = 0, sinceMicros = null } = agent.presence ?? {};
  const presentMs = (endedMicros + (sinceMicros === null ? 0 : microsOf(NOW) - sinceMicros)) / 1000;
  switch (group.policy.strategy) {
    case 'ROUND_ROBIN':
      return agent.lastAssignedSequence;
    case 'FEWEST_OPEN':
      return agent.openTickets;
    case 'WEIGHTED':
      return (today + 1) / agent.weight;
    case 'ASSIGNED_PER_HOUR_PRESENT':
      return agent.assignedToday / Math.max(1, Math.floor(presentMs));
    default:
      return today;
  }
}

describe('a run of placements', () => {
  it.each([
    ['', undefined],
    [', and so where rounds follow what touches their candidates, as in a rehearsal', () => new Map()],
  ])('gives every ticket to the one whom a plain search at that moment finds, whatever came before%s', (_, rehearsed) => {
    fc.assert(
      fc.property(
        fc.array(agentArbitrary, { minLength: 5, maxLength: 5 }),
        fc.array(groupArbitrary, { minLength: 2, maxLength: 2 }),
        dealArbitrary,
        fc.array(stepArbitrary, { maxLength: 40 }),
        (agentFacts, groupFacts, dealFacts, steps) => {
          const agents = agentFacts.map((facts, at) => rosterAgent(AGENTS[at] as string, facts as Partial<RosterAgent>));
          const groups = groupFacts.map(({ members, handicaps, ...policy }, at) =>
            rosterGroup(
              `g${at}`,
              members.map((member) => agents[member] as RosterAgent),
              {
                policy,
                handicaps: new Map(handicaps.flatMap((handicap, member) => (handicap > 0 ? [[AGENTS[member] as string, handicap] as const] : []))),
              },
            ),
          );
          const assignments = new Assignments(rosterOf(groups), NOW, countingNumbers(), rehearsed?.());
          const deal: Deal = {
            dealId: assignments.nextNumber(),
            received: new Map(),
            givers: new Set(dealFacts.givers.map((at) => AGENTS[at] as string)),
            receivers: dealFacts.receivers ? new Set(dealFacts.receivers.map((at) => AGENTS[at] as string)) : undefined,
          };
          for (const step of steps) {
            const group = groups[step.group] as RosterGroup;
            const agent = agents[step.agent] as RosterAgent;
            const seeker = { ticketId: 't', groupId: group.groupId, previousAgentId: agent.agentId, waitStart: null, requestKey: 'r' };
            if (step.kind === 'RELEASE') {
              assignments.release(seeker, agent, true);
              continue;
            }
            if (step.kind === 'GIVE') {
              assignments.give(seeker, agent);
              continue;
            }
            const expected = pickByDefinition(group, step, deal);
            const winner = step.kind === 'DEAL' ? assignments.deal({ ...seeker, kind: 'REASSIGN' }, deal) : assignments.place({ ...seeker, kind: step.kind });
            expect(winner?.agentId).toBe(expected);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('keeps most and fewest at most one apart on a steady roster, after every single ticket', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 60 }), (members, tickets) => {
        const agents = Array.from({ length: members }, (_, at) => rosterAgent(`agent-${at}`, { lastAssignedSequence: 0 }));
        const group = rosterGroup('g', agents);
        const assignments = new Assignments(rosterOf([group]), NOW, countingNumbers());
        for (let ticket = 0; ticket < tickets; ticket++) {
          assignments.place({ ticketId: `t${ticket}`, groupId: 'g', kind: 'CREATE', previousAgentId: null, waitStart: null, requestKey: 'r' });
          const counts = agents.map((agent) => agent.assignedToday);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        }
        expect(agents.reduce((sum, agent) => sum + agent.assignedToday, 0)).toBe(tickets);
      }),
      { numRuns: 100 },
    );
  });

  it('goes round in one order on a steady roster', () => {
    const group = rosterGroup(
      'g',
      ['c', 'a', 'b'].map((id) => rosterAgent(id)),
    );
    const assignments = new Assignments(rosterOf([group]), NOW, countingNumbers());
    const winners = Array.from(
      { length: 7 },
      () => assignments.place({ ticketId: 't', groupId: 'g', kind: 'CREATE', previousAgentId: null, waitStart: null, requestKey: 'r' })?.agentId,
    );
    expect(winners).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  it('lets a late arrival start level when the catch-up limit says so, and floods him when there is none', () => {
    const run = (handicap: number): number => {
      const agents = ['a', 'b', 'c'].map((id) => rosterAgent(id, id === 'c' ? {} : { assignedToday: 20, lastAssignedSequence: 5 }));
      const group = rosterGroup('g', agents, { handicaps: new Map(handicap > 0 ? [['c', handicap]] : []) });
      const assignments = new Assignments(rosterOf([group]), NOW, countingNumbers());
      const winners = Array.from(
        { length: 20 },
        () => assignments.place({ ticketId: 't', groupId: 'g', kind: 'CREATE', previousAgentId: null, waitStart: null, requestKey: 'r' })?.agentId,
      );
      return winners.findIndex((winner) => winner !== 'c');
    };
    expect(run(20)).toBe(1);
    expect(run(15)).toBe(5);
    expect(run(0)).toBe(-1);
  });
});

describe('an equal deal', () => {
  it('gives 12 tickets to agents with 0, 6 and 12 today 4 each', () => {
    const agents = [
      rosterAgent('leaver', { openTickets: 12 }),
      rosterAgent('a'),
      rosterAgent('b', { assignedToday: 6 }),
      rosterAgent('c', { assignedToday: 12 }),
    ];
    const group = rosterGroup('g', agents);
    const assignments = new Assignments(rosterOf([group]), NOW, countingNumbers());
    const deal: Deal = { dealId: 1, received: new Map(), givers: new Set(['leaver']), receivers: undefined };
    for (let ticket = 0; ticket < 12; ticket++)
      assignments.deal({ ticketId: `t${ticket}`, groupId: 'g', kind: 'REASSIGN', previousAgentId: 'leaver', waitStart: null, requestKey: 'r' }, deal);
    expect(Object.fromEntries(deal.received)).toEqual({ a: 4, b: 4, c: 4 });
    expect(agents.map((agent) => agent.assignedToday)).toEqual([0, 4, 10, 16]);
  });

  it('deals fairly over all groups of those who leave, as far as each can take', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((id) => rosterAgent(id)) as [RosterAgent, RosterAgent, RosterAgent];
    const groups = [rosterGroup('g', [a, b]), rosterGroup('h', [b, c])];
    const assignments = new Assignments(rosterOf(groups), NOW, countingNumbers());
    const deal: Deal = { dealId: 1, received: new Map(), givers: new Set(), receivers: undefined };
    for (const groupId of ['g', 'g', 'h', 'h', 'g', 'h'])
      assignments.deal({ ticketId: 't', groupId, kind: 'REASSIGN', previousAgentId: null, waitStart: null, requestKey: 'r' }, deal);
    expect(Object.fromEntries(deal.received)).toEqual({ a: 2, b: 2, c: 2 });
  });

  it('never gives a ticket back to him it was taken from', () => {
    const group = rosterGroup('g', [rosterAgent('a'), rosterAgent('b', { assignedToday: 50 })]);
    const assignments = new Assignments(rosterOf([group]), NOW, countingNumbers());
    const deal: Deal = { dealId: 1, received: new Map(), givers: new Set(), receivers: undefined };
    const take = (previousAgentId: string) =>
      assignments.deal({ ticketId: 't', groupId: 'g', kind: 'REASSIGN', previousAgentId, waitStart: null, requestKey: 'r' }, deal)?.agentId;
    expect([take('a'), take('a'), take('b')]).toEqual(['b', 'b', 'a']);
  });
});

describe('the numbers of one sequence', () => {
  it('are taken only for what is stored: a group in which nobody can take a ticket costs none', () => {
    const group = rosterGroup('g', [rosterAgent('a', { availability: 'AWAY' })]);
    const numbers = countingNumbers();
    const assignments = new Assignments(rosterOf([group]), NOW, numbers);
    for (let ticket = 0; ticket < 5; ticket++)
      assignments.place({ ticketId: 't', groupId: 'g', kind: 'CREATE', previousAgentId: null, waitStart: null, requestKey: 'r' });
    expect(numbers.upcoming).toBe(1);
    expect(assignments.rounds).toEqual([]);
  });

  it('rise from a round to its decisions, and from each decision to the next', () => {
    const agents = ['a', 'b'].map((id) => rosterAgent(id));
    const groups = [rosterGroup('g', agents), rosterGroup('h', agents)];
    const assignments = new Assignments(rosterOf(groups), NOW, countingNumbers());
    for (const groupId of ['g', 'h', 'g', 'g', 'h'])
      assignments.place({ ticketId: 't', groupId, kind: 'CREATE', previousAgentId: null, waitStart: null, requestKey: 'r' });
    const sequences = assignments.decisions.map((decision) => decision.sequence);
    expect(sequences).toEqual([...sequences].sort((x, y) => x - y));
    for (const decision of assignments.decisions) expect(decision.roundId).toBeLessThan(decision.sequence);
    expect(new Set(assignments.rounds.map((round) => round.roundId))).toEqual(new Set(assignments.decisions.map((decision) => decision.roundId)));
  });
});
