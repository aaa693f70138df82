import { describe, expect, it } from 'vitest';
import { plainGroup, Story } from './oracle-history.ts';

describe('a legal history', () => {
  it('passes when tickets go to whoever was assigned the fewest today, the least recently, the smallest id', () => {
    const story = plainGroup('a', 'b');
    story.round({ candidates: { a: {}, b: {} } }).to('a', 'AGENT_ID');
    const first = story.last;
    story.to('b', 'FEWEST_ASSIGNED_TODAY');
    story.round({ candidates: { a: { assigned: 1, last: first, open: 1 }, b: { assigned: 1, last: first + 1, open: 1 } } }).to('a', 'LEAST_RECENTLY_ASSIGNED');
    const { replay, found } = story.play();
    expect(found).toEqual([]);
    expect(replay.fairGroupDays).toBe(1);
    expect(replay.world.agent('a')).toMatchObject({ assignedToday: 2, totalAssigned: 2, openTickets: 2 });
  });

  it('passes when everybody starts a new day level', () => {
    const story = plainGroup('a', 'b');
    story.round({ candidates: { a: {}, b: {} } }).to('a', 'AGENT_ID');
    const first = story.last;
    story.turn('2026-03-03', 'G');
    story.round({ candidates: { a: { last: first, open: 1 }, b: {} } }).to('b', 'LEAST_RECENTLY_ASSIGNED');
    const { replay, found } = story.play();
    expect(found).toEqual([]);
    expect(replay.fairGroupDays).toBe(2);
  });

  it('passes when full, away, unskilled and deactivated agents are left out with their reasons', () => {
    const skilled = { required_skills: { french: 2 } };
    const story = new Story().group('G', skilled);
    for (const [agentId, state] of Object.entries({
      fit: { skills: { french: 3 } },
      away: { availability: 'AWAY' as const, skills: { french: 3 } },
      gone: { deleted: true },
      off: { active: false },
      poor: { skills: { french: 1 } },
      small: { skills: { french: 2 }, max_open_tickets: 0 },
    })) {
      story.agent(agentId, state).join('G', agentId);
    }
    story.turn('2026-03-02', 'G');
    story
      .round({ candidates: { fit: {} }, leftOut: { away: 'AWAY', off: 'INACTIVE', poor: 'LACKS_SKILL', small: 'FULL' }, state: skilled })
      .to('fit', 'ONLY_CANDIDATE');
    const { replay, found } = story.play();
    expect(found).toEqual([]);
    expect(replay.fairGroupDays).toBe(0);
  });

  it('passes when a deal gives each the same, whatever they were assigned before', () => {
    const story = plainGroup('a', 'b', 'giver');
    story.byHand('a');
    const first = story.last;
    story.byHand('giver').byHand('giver').byHand('giver');
    story.round({ dealId: 99, candidates: { a: { assigned: 1, last: first, open: 1 }, b: {} }, leftOut: { giver: 'EXCLUDED' } });
    story.to('b', 'FEWEST_ASSIGNED_TODAY', { kind: 'REASSIGN', previousAgentId: 'giver' }).release('giver', false);
    story.to('a', 'FEWEST_RECEIVED', { kind: 'REASSIGN', previousAgentId: 'giver' }).release('giver', false);
    expect(story.play().found).toEqual([]);
  });

  it('passes when a reopened ticket returns to the agent who had it, and one taken from him goes to another', () => {
    const story = plainGroup('a', 'b');
    story.byHand('a');
    const first = story.last;
    story.release('a');
    story.round({ candidates: { a: { assigned: 1, last: first }, b: {} } }).to('a', 'PREVIOUS_AGENT', { kind: 'REOPEN', previousAgentId: 'a' });
    const second = story.last;
    story
      .round({ candidates: { a: { assigned: 2, last: second, open: 1 }, b: {} } })
      .to('b', 'ONLY_CANDIDATE', { kind: 'REASSIGN', previousAgentId: 'a' })
      .release('a', false);
    expect(story.play().found).toEqual([]);
  });

  it('passes when a late arrival starts with the handicap that the rule gives', () => {
    const policy = { catch_up_limit: 1 };
    const story = new Story().group('G', policy).agent('a').agent('late', { availability: 'OFFLINE' }).join('G', 'a', 'late').turn('2026-03-02', 'G');
    story.byHand('a').byHand('a').byHand('a');
    const last = story.last;
    story.agent('late').handicap('G', 'late', 2);
    story.round({ candidates: { a: { assigned: 3, last, open: 3 }, late: { handicap: 2 } }, state: policy }).to('late', 'FEWEST_ASSIGNED_TODAY');
    expect(story.play().found).toEqual([]);
  });

  it('passes when a group joins a pool whose day is further on', () => {
    const story = new Story()
      .group('G')
      .group('H')
      .agent('a')
      .join('G', 'a')
      .turn('2026-03-02', 'G')
      .turn('2026-03-03', 'H')
      .turn('2026-03-03', 'G')
      .join('H', 'a');
    story.round({ groupId: 'H', candidates: { a: {} } }).to('a', 'ONLY_CANDIDATE');
    expect(story.play().found).toEqual([]);
  });
});

describe('an illegal history is caught', () => {
  const violations = (story: Story): string[] => story.play().found.map(({ invariant, words }) => `${invariant} ${words}`);

  it('when a ticket goes past the one whose turn it is', () => {
    const story = plainGroup('a', 'b')
      .round({ candidates: { a: {}, b: {} } })
      .to('b', 'AGENT_ID');
    expect(violations(story)).toEqual([expect.stringMatching(/^I4 decision 8 .* went to b; the rules give a \(AGENT_ID\)$/)]);
  });

  it('when the stated tie break is not what decided', () => {
    const story = plainGroup('a', 'b')
      .round({ candidates: { a: {}, b: {} } })
      .to('a', 'FEWEST_ASSIGNED_TODAY');
    expect(violations(story)).toEqual([expect.stringContaining('what decided was AGENT_ID')]);
  });

  it.each([
    ['is away', { availability: 'AWAY' as const }, 'AWAY'],
    ['is deactivated', { active: false }, 'INACTIVE'],
    ['is deleted', { deleted: true }, 'DELETED'],
    ['is full', { max_open_tickets: 0 }, 'FULL'],
  ])('when the engine gives a ticket to somebody who %s', (_, state, reason) => {
    const story = plainGroup('a').agent('a', state);
    story.round({ candidates: { a: { room: reason === 'FULL' ? 0 : null } } }).to('a', 'ONLY_CANDIDATE');
    expect(violations(story)).toContainEqual(expect.stringMatching(new RegExp(`^I9 decision .* went to a, who was ${reason}`)));
  });

  it('when the engine gives a ticket to somebody who lacks a skill, is no member, or over the cap of the policy', () => {
    const unskilled = plainGroup('a').group('G', { required_skills: { french: 1 } });
    unskilled.round({ candidates: { a: {} }, state: { required_skills: { french: 1 } } }).to('a', 'ONLY_CANDIDATE');
    expect(violations(unskilled)).toContainEqual(expect.stringContaining('LACKS_SKILL'));
    const stranger = plainGroup('a')
      .leave('G', 'a')
      .round({ candidates: { a: {} } })
      .to('a', 'ONLY_CANDIDATE');
    expect(violations(stranger)).toContainEqual(expect.stringContaining('NOT_MEMBER'));
    const capped = plainGroup('a').group('G', { max_open_per_agent: 1 });
    capped
      .round({ candidates: { a: { room: 1 } }, state: { max_open_per_agent: 1 } })
      .to('a', 'ONLY_CANDIDATE')
      .to('a', 'ONLY_CANDIDATE');
    expect(violations(capped)).toContainEqual(expect.stringMatching(/^I9 .*FULL/));
  });

  it('when a person gives a ticket to a stranger, or to a deactivated agent', () => {
    expect(violations(plainGroup('a').byHand('x'))).toEqual([expect.stringContaining('NOT_MEMBER')]);
    expect(violations(plainGroup('a').agent('a', { active: false }).byHand('a'))).toEqual([expect.stringContaining('INACTIVE')]);
    expect(violations(plainGroup('a').agent('a', { availability: 'AWAY', max_open_tickets: 0 }).byHand('a'))).toEqual([]);
  });

  it('when the engine gives out work of a closed group, or of one that assigns by hand', () => {
    for (const state of [{ active: false }, { deleted: true }, { strategy: 'MANUAL' as const }]) {
      const story = plainGroup('a')
        .group('G', state)
        .round({ candidates: { a: {} }, state })
        .to('a', 'ONLY_CANDIDATE');
      expect(violations(story)).toContainEqual(expect.stringMatching(/^I4 .*(not active|by hand)/));
    }
  });

  it('when a deal goes by the daily key instead of what each received', () => {
    const story = plainGroup('a', 'b', 'giver').byHand('a');
    const first = story.last;
    story.byHand('giver').byHand('giver').byHand('giver').byHand('giver').byHand('giver');
    story.round({ dealId: 9, candidates: { a: { assigned: 1, last: first, open: 1 }, b: {} }, leftOut: { giver: 'EXCLUDED' } });
    story
      .to('b', 'FEWEST_ASSIGNED_TODAY', { kind: 'REASSIGN', previousAgentId: 'giver' })
      .to('b', 'LEAST_RECENTLY_ASSIGNED', { kind: 'REASSIGN', previousAgentId: 'giver' });
    expect(violations(story)).toEqual([expect.stringContaining('the rules give a (FEWEST_RECEIVED)')]);
  });

  it('when a ticket taken from an agent comes back to him by the policy', () => {
    const story = plainGroup('a', 'b').byHand('b');
    const first = story.last;
    story.round({ candidates: { a: {}, b: { assigned: 1, last: first, open: 1 } } }).to('a', 'ONLY_CANDIDATE', { kind: 'REASSIGN', previousAgentId: 'a' });
    expect(violations(story)).toEqual([expect.stringContaining('the rules give b (ONLY_CANDIDATE)')]);
  });

  it('when a reopened ticket does not return to the agent who had it', () => {
    const story = plainGroup('a', 'b').byHand('b');
    const first = story.last;
    story
      .release('b')
      .round({ candidates: { a: {}, b: { assigned: 1, last: first } } })
      .to('a', 'FEWEST_ASSIGNED_TODAY', { kind: 'REOPEN', previousAgentId: 'b' });
    expect(violations(story)).toEqual([expect.stringContaining('the rules give b (PREVIOUS_AGENT)')]);
  });

  it('when yesterday is still counted', () => {
    const story = plainGroup('a', 'b').byHand('a');
    const first = story.last;
    story
      .turn('2026-03-03', 'G')
      .round({ candidates: { a: { assigned: 1, last: first, open: 1 }, b: {} } })
      .to('b', 'FEWEST_ASSIGNED_TODAY');
    expect(violations(story)).toEqual([
      expect.stringContaining('what decided was LEAST_RECENTLY_ASSIGNED'),
      expect.stringContaining('assigned today of a as 1, in fact it was 0'),
    ]);
  });

  it.each([
    ['a wrong count', { a: { assigned: 1 }, b: {} }, {}, 'assigned today of a'],
    ['a wrong handicap', { a: {}, b: { handicap: 3 } }, {}, 'handicap of b'],
    ['a wrong last sequence', { a: {}, b: { last: 3 } }, {}, 'last sequence of b'],
    ['a wrong number of open tickets', { a: {}, b: { open: 3 } }, {}, 'open tickets of b'],
    ['a limit that is not there', { a: {}, b: { room: 3 } }, {}, 'room of b'],
    ['a candidate missing', { a: {} }, {}, 'eligible agent b is missing'],
    ['a candidate too many', { a: {}, b: {}, c: {} }, {}, 'it lists 3 members'],
    ['an eligible agent left out', { a: {} }, { b: 'AWAY' }, 'left b out as AWAY, but he was eligible'],
    ['an agent excluded outside a deal', { a: {} }, { b: 'EXCLUDED' }, 'left b out as EXCLUDED'],
  ])('when the stored round has %s', (_, candidates, leftOut, words) => {
    const story = plainGroup('a', 'b').round({ candidates, leftOut }).to('a', 'AGENT_ID');
    expect(violations(story)).toEqual([expect.stringContaining(words)]);
  });

  it('when a round states another policy, skips a position, or something came between its tickets', () => {
    expect(
      violations(
        plainGroup('a')
          .round({ candidates: { a: {} }, state: { policy_version: 2 } })
          .to('a', 'ONLY_CANDIDATE'),
      ),
    ).toEqual([expect.stringContaining('its policy is')]);
    expect(
      violations(
        plainGroup('a')
          .round({ candidates: { a: {} } })
          .to('a', 'ONLY_CANDIDATE')
          .to('a', 'ONLY_CANDIDATE', { position: 2 }),
      ),
    ).toEqual([expect.stringContaining('follows on 0')]);
    expect(
      violations(
        plainGroup('a')
          .round({ candidates: { a: {} } })
          .to('a', 'ONLY_CANDIDATE')
          .byHand('a')
          .to('a', 'ONLY_CANDIDATE'),
      ),
    ).toEqual([expect.stringContaining('something came in between')]);
    expect(violations(plainGroup('a').to('a', 'ONLY_CANDIDATE'))).toEqual([expect.stringContaining('has no round')]);
  });

  it('when a handicap is missing, wrong, or nobody became a candidate', () => {
    const begin = (): Story => {
      const story = new Story()
        .group('G', { catch_up_limit: 0 })
        .agent('a')
        .agent('late', { availability: 'OFFLINE' })
        .join('G', 'a', 'late')
        .turn('2026-03-02', 'G');
      return story.byHand('a').byHand('a');
    };
    expect(violations(begin().agent('late').byHand('a'))).toEqual([expect.stringContaining('with handicap 2 by the rule, but 0 is on record')]);
    expect(violations(begin().agent('late'))).toEqual([expect.stringContaining('with handicap 2 by the rule')]);
    expect(violations(begin().agent('late').handicap('G', 'late', 1))).toEqual([expect.stringContaining('handicap 1 for 2026-03-02 is recorded')]);
    expect(violations(begin().handicap('G', 'a', 1))).toEqual([expect.stringContaining('the rule gives 0')]);
    expect(violations(begin().agent('late').handicap('G', 'late', 2))).toEqual([]);
  });

  it('when the business day goes back, or a decision or release counts on another', () => {
    expect(violations(plainGroup('a').turn('2026-03-01', 'G'))).toEqual([expect.stringMatching(/^I8 .*goes back/)]);
    expect(violations(plainGroup('a').byHand('a', { businessDay: '2026-03-01' }))).toEqual([expect.stringMatching(/^I8 .*counts on 2026-03-01/)]);
    expect(violations(plainGroup('a').byHand('a').release('a', true, '2026-03-01'))).toEqual([expect.stringMatching(/^I8 release/)]);
  });

  it('when the spread in a plain group exceeds one', () => {
    const story = plainGroup('a', 'b')
      .round({ candidates: { a: {}, b: {} } })
      .to('a', 'AGENT_ID')
      .to('a', 'FEWEST_ASSIGNED_TODAY');
    expect(violations(story)).toContainEqual(expect.stringMatching(/^I5 after decision 9 .* between 0 and 2 tickets/));
  });

  it('when a number is used twice, or an agent is relieved of what he does not have', () => {
    const story = plainGroup('a').byHand('a');
    story.events.push({ ...(story.events.at(-1) as (typeof story.events)[number]) });
    expect(violations(story)).toEqual([expect.stringContaining('used twice')]);
    expect(violations(plainGroup('a').release('a'))).toEqual([expect.stringMatching(/^I3 .*who has none/)]);
  });
});
