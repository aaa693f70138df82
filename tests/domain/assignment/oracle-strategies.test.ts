import { describe, expect, it } from 'vitest';
import type { GroupState } from '../../../src/domain/assignment/oracle/history.ts';
import { Story } from './oracle-history.ts';

type Strategy = GroupState['strategy'];

/** A group of this strategy with available agents of these weights, on its first day. */
function groupBy(strategy: Strategy, weights: Readonly<Record<string, number>>): Story {
  const story = new Story().group('G', { strategy });
  for (const [agentId, weight] of Object.entries(weights)) story.agent(agentId, { weight }).join('G', agentId);
  return story.turn('2026-03-02', 'G');
}

const violations = (story: Story): string[] => story.play().found.map(({ invariant, words }) => `${invariant} ${words}`);

describe('round robin', () => {
  const story = (second: string, tieBreak: string): Story => {
    const told = groupBy('ROUND_ROBIN', { a: 1, b: 1 }).byHand('b').byHand('b').byHand('a');
    const [b, a] = [told.last - 1, told.last];
    return told
      .round({ candidates: { a: { assigned: 1, last: a, open: 1 }, b: { assigned: 2, last: b, open: 2 } }, state: { strategy: 'ROUND_ROBIN' } })
      .to(second, tieBreak);
  };

  it('passes when the ticket goes to the one who waited longest, whatever he was given', () => {
    expect(violations(story('b', 'LEAST_RECENTLY_ASSIGNED'))).toEqual([]);
  });

  it('is caught when it goes to the one with the fewest', () => {
    expect(violations(story('a', 'FEWEST_ASSIGNED_TODAY'))).toEqual([expect.stringContaining('the rules give b (LEAST_RECENTLY_ASSIGNED)')]);
  });
});

describe('fewest open', () => {
  const story = (winner: string, tieBreak: string): Story => {
    const told = groupBy('FEWEST_OPEN', { a: 1, b: 1 }).byHand('a').byHand('a').byHand('b').release('a').release('a');
    return told
      .round({
        candidates: { a: { assigned: 2, last: 8, open: 0 }, b: { assigned: 1, last: 9, open: 1 } },
        state: { strategy: 'FEWEST_OPEN' },
      })
      .to(winner, tieBreak);
  };

  it('passes when the ticket goes to the one who holds the fewest', () => {
    expect(violations(story('a', 'FEWEST_OPEN_TICKETS'))).toEqual([]);
  });

  it('is caught when it goes to the one with the fewest today', () => {
    expect(violations(story('b', 'FEWEST_ASSIGNED_TODAY'))).toEqual([expect.stringContaining('the rules give a (FEWEST_OPEN_TICKETS)')]);
  });
});

describe('a round that goes on', () => {
  const both = { a: {}, b: {} };
  const state = { strategy: 'FEWEST_OPEN' as const };

  it('passes as long as nothing but its own wins touches its candidates, over any number of steps', () => {
    const story = groupBy('FEWEST_OPEN', { a: 1, b: 1 }).round({ candidates: both, state }).to('a', 'AGENT_ID').transaction(9).to('b', 'FEWEST_OPEN_TICKETS');
    expect(violations(story)).toEqual([]);
  });

  it.each([
    ['a ticket left a desk, where open tickets are compared', (story: Story) => story.release('a')],
    ['a candidate changed', (story: Story) => story.agent('a', { skills: { x: 1 } })],
    ['somebody joined', (story: Story) => story.agent('c').join('G', 'c')],
    ['a person gave one of its candidates a ticket', (story: Story) => story.byHand('b')],
    ['a candidate was given one in his other group', (story: Story) => story.byHand('a', { groupId: 'H' })],
  ])('is caught when %s meanwhile: its record alone would not tell', (_, meanwhile) => {
    const story = groupBy('FEWEST_OPEN', { a: 1, b: 1 })
      .group('H')
      .join('H', 'a')
      .turn('2026-03-02', 'H')
      .round({ candidates: both, state })
      .to('a', 'AGENT_ID');
    meanwhile(story).to('b', 'FEWEST_OPEN_TICKETS');
    expect(violations(story)).toContainEqual(expect.stringContaining('position 1 goes on after something came in between'));
  });
});

describe('by weight', () => {
  const begin = (): Story => groupBy('WEIGHTED', { a: 1, b: 3 });
  const state = { strategy: 'WEIGHTED' as const };

  it('passes when each ticket goes to the smallest share', () => {
    const story = begin().round({ candidates: { a: { weight: 1 }, b: { weight: 3 } }, state });
    for (const winner of ['b', 'b', 'a', 'b', 'b', 'b', 'a']) story.to(winner, winner === 'a' || story.last > 13 ? 'LEAST_RECENTLY_ASSIGNED' : 'LOWEST_SHARE');
    const found = violations(story);
    expect(found.filter((words) => words.includes('went to'))).toEqual([]);
  });

  it('is caught when a ticket goes to a larger share, or the round has another weight', () => {
    expect(
      violations(
        begin()
          .round({ candidates: { a: { weight: 1 }, b: { weight: 3 } }, state })
          .to('a', 'AGENT_ID'),
      ),
    ).toEqual([expect.stringContaining('the rules give b (LOWEST_SHARE)')]);
    expect(
      violations(
        begin()
          .round({ candidates: { a: { weight: 1 }, b: { weight: 2 } }, state })
          .to('b', 'LOWEST_SHARE'),
      ),
    ).toEqual([expect.stringContaining('weight of b as 2, in fact it was 3')]);
  });

  it('takes it that everybody weighs 1 where the record is from before agents were weighed', () => {
    const story = begin();
    story.events.forEach((event, at) => {
      if (event.type === 'AGENT') {
        const { weight, ...state } = event.state;
        story.events[at] = { ...event, state };
      }
    });
    expect(violations(story.round({ candidates: { a: {}, b: {} }, state }).to('a', 'AGENT_ID'))).toEqual([]);
  });

  it('holds a late arrival to a handicap that is level in shares', () => {
    const policy = { strategy: 'WEIGHTED' as const, catch_up_limit: 1 };
    const begin = (): Story =>
      new Story()
        .group('G', policy)
        .agent('a', { weight: 1 })
        .agent('late', { weight: 2, availability: 'OFFLINE' })
        .join('G', 'a', 'late')
        .turn('2026-03-02', 'G')
        .byHand('a')
        .byHand('a')
        .agent('late', { weight: 2 });
    // (2 + 1) / 1 · 2 − 1 is level; one behind that is 4.
    expect(violations(begin().handicap('G', 'late', 4))).toEqual([]);
    expect(violations(begin().handicap('G', 'late', 1))).toEqual([expect.stringContaining('the rule gives 4')]);
  });
});

describe('by time present', () => {
  const state = { strategy: 'ASSIGNED_PER_HOUR_PRESENT' as const };
  /** `early` since nine, `late` since eleven, away from noon to one; it is two o'clock. */
  function afternoon(): Story {
    const story = new Story().group('G', state);
    story.agent('early').agent('late', { availability: 'OFFLINE' }).join('G', 'early', 'late').turn('2026-03-02', 'G');
    for (const winner of ['early', 'early', 'early', 'late']) story.byHand(winner);
    for (const [hour, availability] of [
      [11, 'AVAILABLE'],
      [12, 'AWAY'],
      [13, 'AVAILABLE'],
    ] as const) {
      story.now = `2026-03-02 ${hour}:00:00+00`;
      story.agent('late', { availability });
    }
    story.now = '2026-03-02 14:00:00.5+00';
    return story;
  }
  const hours = (count: number): number => count * 3_600_000 + 500;
  const standings = (late: number) => ({
    early: { assigned: 3, last: 9, open: 3, presentMs: hours(5) },
    late: { assigned: 1, last: 10, open: 1, presentMs: late },
  });

  it('passes when the ticket goes to the lowest rate, time away left out', () => {
    // 1 in 2 h against 3 in 5 h.
    expect(
      violations(
        afternoon()
          .round({ candidates: standings(hours(2)), state })
          .to('late', 'LOWEST_RATE'),
      ),
    ).toEqual([]);
  });

  it('is caught when the round counts time that nobody was present, or goes on at another instant', () => {
    expect(
      violations(
        afternoon()
          .round({ candidates: standings(hours(3)), state })
          .to('late', 'LOWEST_RATE'),
      ),
    ).toEqual([expect.stringContaining('presence of late as 10800500, in fact it was 7200500')]);
    const story = afternoon()
      .round({ candidates: standings(hours(2)), state })
      .to('late', 'LOWEST_RATE');
    story.now = '2026-03-02 19:00:00+00';
    expect(violations(story.to('late', 'LOWEST_RATE'))).toContainEqual(expect.stringContaining('it was begun at 2026-03-02 14:00:00.5+00'));
  });

  it('counts from the start of the business day on, though he was there before', () => {
    const story = afternoon();
    story.turn('2026-03-03', 'G');
    story.now = '2026-03-03 01:00:00+00';
    const midnight = { early: { last: 9, open: 3, presentMs: 3_600_000 }, late: { last: 10, open: 1, presentMs: 3_600_000 } };
    expect(violations(story.round({ candidates: midnight, state }).to('early', 'LEAST_RECENTLY_ASSIGNED'))).toEqual([]);
  });
});

describe('skills that relax', () => {
  const state = { required_skills: { german: 3, french: 1 }, skill_relaxation_seconds: 600 };
  const story = (minutesBefore: number, relaxed: number): Story => {
    const told = new Story()
      .group('G', state)
      .agent('able', { skills: { german: 1 } })
      .agent('mute')
      .join('G', 'able', 'mute')
      .turn('2026-03-02', 'G');
    const waitStart = new Date(Date.parse('2026-03-02T09:00:00Z') - minutesBefore * 60_000).toISOString().replace('T', ' ').replace('.000Z', '+00');
    const leftOut: Record<string, string> = { ...(relaxed < 2 ? { able: 'LACKS_SKILL' } : {}), ...(relaxed < 3 ? { mute: 'LACKS_SKILL' } : {}) };
    const candidates = Object.fromEntries(['able', 'mute'].filter((agentId) => !leftOut[agentId]).map((agentId) => [agentId, {}]));
    return told.round({ candidates, leftOut, relaxed, state }).to('able', relaxed < 3 ? 'ONLY_CANDIDATE' : 'AGENT_ID', { kind: 'WAITING', waitStart });
  };

  it('passes when a ticket goes to somebody who can take it by the levels that its waiting has taken off', () => {
    expect(violations(story(20, 2))).toEqual([]);
    expect(violations(story(29, 2))).toEqual([]);
    expect(violations(story(30, 3))).toEqual([]);
    expect(violations(story(3000, 3))).toEqual([]);
  });

  it('is caught when it had not waited as long as its round says', () => {
    expect(violations(story(19, 2))).toContainEqual(expect.stringContaining('had relaxed by 1 levels, its round 7 says 2'));
    expect(violations(story(19, 2))).toContainEqual(expect.stringMatching(/^I9 .* went to able, who was LACKS_SKILL/));
    expect(violations(story(30, 2))).toContainEqual(expect.stringContaining('had relaxed by 3 levels, its round 7 says 2'));
  });
});
