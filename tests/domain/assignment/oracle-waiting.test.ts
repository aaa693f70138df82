import { describe, expect, it } from 'vitest';
import { plainGroup, type Story } from './oracle-history.ts';

describe('a ticket that waits', () => {
  const violations = (story: Story): string[] => story.play().found.map(({ invariant, words }) => `${invariant} ${words}`);
  const awayGroup = (): Story => plainGroup('a').transaction(10).agent('a', { availability: 'AWAY' }).transaction(20).line(20, 'T', undefined, 'G');

  it('is in order while nobody can take it, and between the change that lets somebody and its own decision', () => {
    const story = awayGroup()
      .transaction(30)
      .agent('a')
      .round({ candidates: { a: {} } })
      .to('a', 'ONLY_CANDIDATE', { kind: 'WAITING' })
      .line(31, 'T', 'G', undefined);
    story.transaction(40).release('a');
    expect(violations(story)).toEqual([]);
    expect(story.play().replay.waiting.looks).toBe(1);
  });

  it('is in order in a group that is closed or assigns by hand', () => {
    for (const state of [{ active: false }, { strategy: 'MANUAL' as const }]) {
      expect(
        violations(
          plainGroup('a')
            .group('G', state)
            .transaction(20)
            .line(20, 'T', undefined, 'G')
            .transaction(30)
            .agent('a', { skills: { x: 1 } }),
        ),
      ).toEqual([]);
    }
  });

  it('is found when somebody could have taken it at some commit, though in the end nothing waits', () => {
    const story = awayGroup()
      .transaction(30)
      .agent('a')
      .transaction(40)
      .agent('a', { availability: 'AWAY' })
      .line(50, 'T', 'G', undefined)
      .transaction(60)
      .agent('a');
    expect(violations(story)).toEqual([
      expect.stringMatching(/^I10 when transaction transaction-40 began .* 1 tickets waited in group G, T among them, while agent a could have taken one/),
    ]);
  });

  it('is in order until the waiting is put into effect, and found when then somebody could take it who could not before', () => {
    const relaxing = (since: string): Story =>
      plainGroup('a')
        .group('G', { required_skills: { german: 2 }, skill_relaxation_seconds: 3600 })
        .agent('a', { skills: { german: 1 } })
        .transaction(20)
        .line(20, 'T', undefined, 'G', since);
    const early = '2026-03-02 08:00:00+00';
    expect(
      violations(
        relaxing(early)
          .transaction(30)
          .agent('a', { skills: { german: 1, x: 1 } }),
      ),
    ).toEqual([]);
    const found = [expect.stringMatching(/^I10 at the end, 1 tickets waited in group G, T among them, while agent a could/)];
    expect(violations(relaxing(early).transaction(30).relaxation('G'))).toEqual(found);
    expect(violations(relaxing('2026-03-02 08:00:00.000001+00').transaction(30).relaxation('G'))).toEqual([]);
  });

  it('is found when it still waits at the end', () => {
    expect(violations(awayGroup().transaction(30).agent('a'))).toEqual([expect.stringMatching(/^I10 at the end/)]);
  });
});
