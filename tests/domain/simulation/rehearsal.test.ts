import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWaiting, isAutomatic, type Policy, whyLeftOut } from '../../../src/domain/assignment/index.ts';

import { TicketBook } from '../../../src/domain/simulation/ticket-book.ts';
import { comparePlaces } from '../../../src/domain/simulation/waiting-line.ts';
import { plainPolicy } from '../../support/roster.ts';
import { arrive, given, minute, present, rehearse, scenario } from './rehearsals.ts';

const strategies: readonly Policy['strategy'][] = ['LEAST_ASSIGNED_TODAY', 'ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT', 'WEIGHTED', 'MANUAL'];

describe('a rehearsal', () => {
  it('gives each ticket to whom the policy picks', () => {
    const rehearsal = rehearse({ g: {} }, { a: ['g'], b: ['g'], c: ['g'] });
    for (let at = 0; at < 7; at++) arrive(rehearsal, minute(at));
    const [baseline] = rehearsal.end(minute(10));
    expect(baseline && given(baseline)).toEqual({ a: 3, b: 2, c: 2 });
  });

  it('keeps what a person decided, whatever the scenario', () => {
    const rehearsal = rehearse(
      { g: {} },
      { a: ['g'], b: ['g'] },
      { scenarios: [scenario('by open tickets', { policies: new Map([['g', { ...plainPolicy, strategy: 'FEWEST_OPEN' }]]) })] },
    );
    for (let at = 0; at < 4; at++) arrive(rehearsal, minute(at), 'g', { agentId: 'b' });
    for (const outcome of rehearsal.end(minute(10))) expect(given(outcome)).toEqual({ a: 0, b: 4 });
  });

  it('charges a latecomer as the policy says, and not where it says nothing', () => {
    const level = scenario('level', { policies: new Map([['g', { ...plainPolicy, catchUpLimit: 0 }]]) });
    const rehearsal = rehearse({ g: {} }, { a: ['g'], b: { groups: ['g'], availability: 'AWAY' } }, { scenarios: [level] });
    for (let at = 0; at < 10; at++) arrive(rehearsal, minute(at));
    rehearsal.take({ type: 'AGENT', time: minute(20), agentId: 'b', state: present });
    for (let at = 30; at < 34; at++) arrive(rehearsal, minute(at));
    const [flooded, fair] = rehearsal.end(minute(60));
    expect(flooded && given(flooded)).toEqual({ a: 10, b: 4 });
    expect(fair && given(fair)).toEqual({ a: 12, b: 2 });
    expect(fair?.movedTickets).toBe(2);
  });

  it('counts each business day anew, from midnight in its zone', () => {
    const rehearsal = rehearse({ g: {} }, { a: ['g'], b: { groups: ['g'], availability: 'AWAY' } }, { zone: 'Asia/Tokyo' });
    for (let at = 0; at < 3; at++) arrive(rehearsal, minute(at));
    rehearsal.take({ type: 'AGENT', time: minute(900), agentId: 'b', state: present });
    // 15:00 UTC is midnight in Tokyo.
    for (let at = 901; at < 905; at++) arrive(rehearsal, minute(at));
    const [baseline] = rehearsal.end(minute(1000));
    expect(baseline && given(baseline)).toEqual({ a: 5, b: 2 });
  });

  it('lets a removed agent take no part, and an added one take his', () => {
    const changes = scenario('others', { removedAgentIds: new Set(['a']), addedAgents: [{ ...present, agentId: 'z', groupIds: ['g'] }] });
    const rehearsal = rehearse({ g: {} }, { a: ['g'], b: ['g'] }, { scenarios: [changes] });
    for (let at = 0; at < 6; at++) arrive(rehearsal, minute(at), 'g', at === 0 ? { agentId: 'a' } : {});
    const [, others] = rehearsal.end(minute(10));
    expect(others && given(others)).toEqual({ b: 3, z: 3 });
  });

  it('relaxes skills as time goes by', () => {
    const rehearsal = rehearse({ g: { requiredSkills: { french: 2 }, skillRelaxationSeconds: 600 } }, { a: { groups: ['g'], skills: { french: 1 } } });
    arrive(rehearsal, minute(5));
    const [baseline] = rehearsal.end(minute(60));
    expect(baseline?.figures.untilAssigned).toMatchObject({ count: 1, never: 0, maxMs: 600_000 });
  });

  it('deals out the desks of those who leave, and hands the rest out as soon as there is room', () => {
    const rehearsal = rehearse({ g: { maxOpenPerAgent: 2 } }, { a: ['g'], b: ['g'] });
    for (let at = 0; at < 5; at++) arrive(rehearsal, minute(at));
    rehearsal.take({ type: 'END', time: minute(10), ticket: 0, resolved: true });
    rehearsal.take({ type: 'AGENT', time: minute(20), agentId: 'a', state: { ...present, availability: 'AWAY' } });
    rehearsal.take({ type: 'DESKS', time: minute(20), agentIds: ['a'] });
    const [run] = rehearsal.runs;
    expect([...(run?.world.roster.agent('a').desk ?? [])]).toEqual([]);
    expect(run?.world.waitingIn(run.world.roster.group('g'))).toBe(2);
    rehearsal.take({ type: 'AGENT', time: minute(30), agentId: 'a', state: present });
    expect(run?.world.waitingIn(run.world.roster.group('g'))).toBe(0);
  });
});

describe('the waiting order', () => {
  it('is that of the engine', () => {
    const entry = fc.record({ priority: fc.integer({ min: 1, max: 4 }), created: fc.nat(3), id: fc.uuid() });
    fc.assert(
      fc.property(entry, entry, (a, b) => {
        const book = new TicketBook();
        const [first, second] = [a, b].map(({ priority, created, id }) => ({ priority, ticket: book.enter(minute(0) + created / 4, Number.NaN, true, id) }));
        const toEngine = ({ priority, created, id }: typeof a) => ({
          priority,
          create_time: `2026-03-02 00:00:00.000${String(created * 250).padStart(3, '0')}+00`,
          ticket_id: id,
        });
        if (!first || !second || a.id === b.id) return;
        expect(Math.sign(comparePlaces(book)(first, second))).toBe(Math.sign(compareWaiting(toEngine(a), toEngine(b))));
      }),
    );
  });
});

describe('whatever happens in a rehearsal', () => {
  const deed = fc.record({
    kind: fc.constantFrom('ARRIVAL', 'ARRIVAL', 'ARRIVAL', 'END', 'END', 'REOPENING', 'CHANGE', 'BACK', 'AGENT', 'AGENT', 'DESKS', 'GROUP'),
    after: fc.nat(40),
    pick: fc.nat(1000),
    flag: fc.boolean(),
  });

  it('every ticket has an agent, waits or has ended, lies in one place, and does not wait in vain', () => {
    fc.assert(
      fc.property(
        fc.array(deed, { maxLength: 80, size: 'max' }),
        fc.constantFrom(...strategies),
        fc.constantFrom(null, 1, 3),
        fc.constantFrom(undefined, 7 * 60_000),
        (deeds, strategy, maxOpenPerAgent, handlingMs) => {
          const rehearsal = play(deeds, { strategy, maxOpenPerAgent }, handlingMs);
          for (const run of rehearsal.runs) {
            const { roster, tickets } = run.world;
            const onDesks = [...roster.agents.values()].flatMap((agent) => [...agent.desk].map((ticket) => [ticket, agent] as const));
            expect(new Set(onDesks.map(([ticket]) => ticket)).size).toBe(onDesks.length);
            for (const [ticket, agent] of onDesks) expect([tickets.where(ticket), tickets.holderOf(ticket)]).toEqual(['ON_DESK', agent]);
            for (const agent of roster.agents.values()) expect(agent.openTickets).toBe(agent.desk.size);
            let waiting = 0;
            for (let ticket = 0; ticket < rehearsal.book.count; ticket++) {
              expect(['WAITING', 'ON_DESK', 'ENDED']).toContain(tickets.where(ticket));
              if (tickets.where(ticket) === 'WAITING') waiting += 1;
            }
            expect([...roster.groups.values()].reduce((sum, group) => sum + run.world.waitingIn(group), 0)).toBe(waiting);
            // Nothing waits while somebody could take it.
            for (const group of roster.groups.values()) {
              if (isAutomatic(group) && run.world.waitingIn(group) > 0) expect(group.members.filter((agent) => !whyLeftOut(agent, group))).toEqual([]);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('happens again in the same way, and a scenario that changes nothing is the baseline', () => {
    fc.assert(
      fc.property(
        fc.array(deed, { maxLength: 60, size: 'max' }),
        fc.constantFrom(...strategies),
        fc.constantFrom(undefined, 7 * 60_000),
        (deeds, strategy, handlingMs) => {
          const [first, second] = [play(deeds, { strategy }, handlingMs), play(deeds, { strategy }, handlingMs)].map((rehearsal) =>
            rehearsal.end(minute(10_000)),
          );
          expect(second).toEqual(first);
          const [baseline, same] = first ?? [];
          expect({ ...same?.figures, name: '' }).toEqual(baseline?.figures);
          expect(same?.movedTickets).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  function play(deeds: readonly { kind: string; after: number; pick: number; flag: boolean }[], policy: Partial<Policy>, handlingMs: number | undefined) {
    const agents = ['a', 'b', 'c', 'd'];
    const rehearsal = rehearse(
      { g: policy, h: { catchUpLimit: 1 } },
      { a: ['g'], b: ['g', 'h'], c: ['g', 'h'], d: ['h'] },
      { handlingMs, scenarios: [scenario('the same')] },
    );
    let at = 0;
    for (const { kind, after, pick, flag } of deeds) {
      at += after;
      const time = minute(at);
      const agentId = agents[pick % agents.length] as string;
      const groupId = flag ? 'g' : 'h';
      const count = rehearsal.book.count;
      const ticket = count === 0 ? 0 : pick % count;
      if (kind === 'ARRIVAL') arrive(rehearsal, time, groupId, { priority: 1 + (pick % 4), ...(pick % 7 === 0 ? { agentId } : {}) });
      else if (kind === 'AGENT') rehearsal.take({ type: 'AGENT', time, agentId, state: { ...present, availability: flag ? 'AVAILABLE' : 'AWAY' } });
      else if (kind === 'DESKS') {
        // Desks are cleared of those who leave: it always follows that.
        rehearsal.take({ type: 'AGENT', time, agentId, state: { ...present, availability: 'AWAY' } });
        rehearsal.take({ type: 'DESKS', time, agentIds: [agentId] });
      } else if (kind === 'GROUP')
        rehearsal.take({ type: 'GROUP', time, groupId: 'h', state: { active: flag, deleted: false, policy: { ...plainPolicy, maxOpenPerAgent: 2 } } });
      else if (count === 0) continue;
      else if (kind === 'END') rehearsal.take({ type: 'END', time, ticket, resolved: flag });
      else if (kind === 'REOPENING') rehearsal.take({ type: 'REOPENING', time, ticket });
      else if (kind === 'BACK') rehearsal.take({ type: 'CHANGE', time, ticket, handBack: true });
      else rehearsal.take({ type: 'CHANGE', time, ticket, groupId, priority: 1 + (pick % 4) });
    }
    return rehearsal;
  }
});
