import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareStandings, compareWaiting, isAutomatic, roomOf, type Standing, tieBreakBetween, whyLeftOut } from '../../../src/domain/assignment/rules.ts';
import { STRATEGIES } from '../../../src/domain/assignment/strategies.ts';
import { rosterAgent, rosterGroup } from '../../support/roster.ts';

const standing = (agentId: string, more: Partial<Standing> = {}): Standing => ({ agentId, received: 0, key: 0, divisor: 1, lastSequence: 0, ...more });

describe('who comes first', () => {
  const best = (...standings: Standing[]): string | undefined => [...standings].sort(compareStandings)[0]?.agentId;

  it('gives a ticket to the one who was given the fewest today', () => {
    expect(best(standing('a', { key: 3 }), standing('b', { key: 2, lastSequence: 99 }))).toBe('b');
  });

  it('gives it among equals to the one who was last given one the longest ago', () => {
    expect(best(standing('a', { key: 2, lastSequence: 9 }), standing('b', { key: 2, lastSequence: 8 }))).toBe('b');
  });

  it('gives it among equals in that too to the lowest id, capitals before small letters', () => {
    expect(best(standing('a'), standing('b'), standing('B'))).toBe('B');
    expect(best(standing('agent-10'), standing('agent-2'))).toBe('agent-10');
  });

  it('looks first in a deal at how many somebody received in it', () => {
    expect(best(standing('a', { received: 1 }), standing('b', { key: 12 }))).toBe('b');
  });

  it('puts everybody in one order, whoever is compared with whom', () => {
    const anybody = fc.record({
      agentId: fc.constantFrom('a', 'b', 'C', 'd'),
      received: fc.nat(2),
      key: fc.nat(3),
      divisor: fc.integer({ min: 1, max: 3 }),
      lastSequence: fc.nat(2),
    });
    fc.assert(
      fc.property(anybody, anybody, anybody, (a, b, c) => {
        expect(Math.sign(compareStandings(a, b)) + Math.sign(compareStandings(b, a))).toBe(0);
        if (compareStandings(a, b) < 0 && compareStandings(b, c) < 0) expect(compareStandings(a, c)).toBeLessThan(0);
      }),
    );
  });
});

describe('what set the winner apart', () => {
  it.each([
    ['ONLY_CANDIDATE', standing('a'), undefined],
    ['FEWEST_RECEIVED', standing('a'), standing('b', { received: 1 })],
    ['FEWEST_ASSIGNED_TODAY', standing('a'), standing('b', { key: 1 })],
    ['LEAST_RECENTLY_ASSIGNED', standing('a'), standing('b', { lastSequence: 1 })],
    ['AGENT_ID', standing('a'), standing('b')],
  ] as const)('says %s', (tieBreak, winner, runnerUp) => {
    expect(tieBreakBetween(STRATEGIES.LEAST_ASSIGNED_TODAY, winner, runnerUp)).toBe(tieBreak);
  });
});

describe('who is left out', () => {
  const reason = (agent: Parameters<typeof rosterAgent>[1], policy: Parameters<typeof rosterGroup>[2] = {}) => {
    const one = rosterAgent('a', agent);
    return whyLeftOut(one, rosterGroup('g', [one], policy));
  };

  it('leaves out nobody who is active, available, skilled and has room', () => {
    expect(reason({})).toBeUndefined();
    expect(reason({ openTickets: 2, maxOpenTickets: 3 })).toBeUndefined();
    expect(reason({ skills: { german: 2 } }, { policy: { requiredSkills: { german: 2 } } })).toBeUndefined();
  });

  it('leaves out who is inactive, away, offline, full, or lacks a skill, and says so', () => {
    expect(reason({ active: false })).toBe('INACTIVE');
    expect(reason({ availability: 'AWAY' })).toBe('AWAY');
    expect(reason({ availability: 'OFFLINE' })).toBe('OFFLINE');
    expect(reason({ openTickets: 3, maxOpenTickets: 3 })).toBe('FULL');
    expect(reason({ openTickets: 4, maxOpenTickets: 3 })).toBe('FULL');
    expect(reason({ skills: { german: 1 } }, { policy: { requiredSkills: { german: 2 } } })).toBe('LACKS_SKILL');
    expect(reason({}, { policy: { requiredSkills: { german: 1 } } })).toBe('LACKS_SKILL');
  });

  it('counts the lower of the agent’s own limit and the group’s', () => {
    const one = rosterAgent('a', { maxOpenTickets: 5, openTickets: 2 });
    expect(roomOf(one, rosterGroup('g', [one], { policy: { maxOpenPerAgent: 3 } }))).toBe(1);
    expect(roomOf(one, rosterGroup('h', [one], { policy: { maxOpenPerAgent: 9 } }))).toBe(3);
    expect(roomOf(rosterAgent('b', { openTickets: 2000 }), rosterGroup('i', []))).toBe(Infinity);
    expect(reason({}, { policy: { maxOpenPerAgent: 0 } })).toBe('FULL');
  });

  it('gives out nothing by itself in a group that is inactive, deleted, or assigns by hand', () => {
    expect(isAutomatic(rosterGroup('g', []))).toBe(true);
    expect(isAutomatic(rosterGroup('g', [], { active: false }))).toBe(false);
    expect(isAutomatic(rosterGroup('g', [], { deleted: true }))).toBe(false);
    expect(isAutomatic(rosterGroup('g', [], { policy: { strategy: 'MANUAL' } }))).toBe(false);
  });
});

describe('the waiting order', () => {
  const ticket = (priority: number, create_time: string, ticket_id: string) => ({ priority, create_time, ticket_id });

  it('puts the highest priority first, then who has waited longest, then the lower id', () => {
    const ordered = [
      ticket(1, '2026-03-02 08:00:00+00', 'a'),
      ticket(2, '2026-03-02 09:00:00.5+00', 'b'),
      ticket(4, '2026-03-02 09:30:00+00', 'c'),
      ticket(2, '2026-03-02 09:00:00+00', 'e'),
      ticket(2, '2026-03-02 09:00:00+00', 'd'),
      ticket(2, '2026-03-02 09:00:00.499999+00', 'f'),
    ].sort(compareWaiting);
    expect(ordered.map((one) => one.ticket_id)).toEqual(['c', 'd', 'e', 'f', 'b', 'a']);
  });
});
