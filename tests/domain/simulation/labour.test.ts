import { describe, expect, it } from 'vitest';
import { Zone } from '../../../src/domain/simulation/zone.ts';
import { arrive, MONDAY, minute, present, rehearse, scenario } from './rehearsals.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

describe('the model of handling', () => {
  it('has an agent work on one ticket at a time, the most urgent first, and finish what he has begun', () => {
    const rehearsal = rehearse({ g: {} }, { a: ['g'] }, { handlingMs: 10 * MINUTE });
    arrive(rehearsal, minute(0), 'g', { priority: 1 });
    arrive(rehearsal, minute(1), 'g', { priority: 1 });
    arrive(rehearsal, minute(2), 'g', { priority: 4 });
    const [baseline] = rehearsal.end(minute(60));
    // Begun at 0, 20 and 10: after 0, 19 and 8 minutes.
    expect(baseline?.figures.untilHandled).toEqual({ count: 3, never: 0, meanMs: 9 * MINUTE, p50Ms: 8 * MINUTE, p95Ms: 19 * MINUTE, maxMs: 19 * MINUTE });
    expect(baseline?.figures.loads).toMatchObject([{ assigned: 3, ended: 3, open: 0, mostOpen: 3 }]);
  });

  it('lets work rest while its agent is away, and takes the time that a ticket brings along', () => {
    const rehearsal = rehearse({ g: {} }, { a: ['g'] }, { handlingMs: 10 * MINUTE });
    arrive(rehearsal, minute(0), 'g', { handlingMs: 30 * MINUTE });
    arrive(rehearsal, minute(5), 'g');
    rehearsal.take({ type: 'AGENT', time: minute(20), agentId: 'a', state: { ...present, availability: 'AWAY' } });
    rehearsal.take({ type: 'AGENT', time: minute(80), agentId: 'a', state: present });
    const [run] = rehearsal.runs;
    rehearsal.end(minute(89));
    expect(run?.world.tickets.where(0)).toBe('ON_DESK');
    const [baseline] = rehearsal.end(minute(200));
    // Ten minutes were left: the second one is begun at 90.
    expect(baseline?.figures.untilHandled).toMatchObject({ count: 2, maxMs: 85 * MINUTE });
  });

  it('goes on where it was left when a ticket is taken over, and passes over ends that the model decides', () => {
    const rehearsal = rehearse({ g: {} }, { a: ['g'], b: { groups: ['g'], availability: 'AWAY' } }, { handlingMs: 30 * MINUTE });
    const ticket = arrive(rehearsal, minute(0));
    rehearsal.take({ type: 'END', time: minute(5), ticket, resolved: true });
    rehearsal.take({ type: 'AGENT', time: minute(20), agentId: 'b', state: present });
    rehearsal.take({ type: 'CHANGE', time: minute(20), ticket, agentId: 'b' });
    const [run] = rehearsal.runs;
    rehearsal.end(minute(29));
    expect(run?.world.tickets.where(ticket)).toBe('ON_DESK');
    const [baseline] = rehearsal.end(minute(30));
    expect(baseline?.figures.loads).toMatchObject([
      { agentId: 'a', ended: 0 },
      { agentId: 'b', ended: 1 },
    ]);
  });

  it('lets a cancelled ticket go', () => {
    const rehearsal = rehearse({ g: {} }, { a: ['g'] }, { handlingMs: 30 * MINUTE });
    arrive(rehearsal, minute(0));
    const second = arrive(rehearsal, minute(1));
    rehearsal.take({ type: 'END', time: minute(5), ticket: second, resolved: false });
    const [baseline] = rehearsal.end(minute(100));
    expect(baseline?.figures.untilHandled).toMatchObject({ count: 1, never: 1 });
  });
});

describe('working hours', () => {
  const hours = { arriveMs: 8 * HOUR, leaveMs: 16 * HOUR, dealsOut: false };

  it('bring an agent every day and send him home, with his desk or without it', () => {
    const early = scenario('early', { changedAgents: new Map([['a', { agentId: 'a', workingHours: { ...hours, arriveMs: 6 * HOUR } }]]) });
    const rehearsal = rehearse({ g: {} }, { a: ['g'] }, { hours: new Map([['a', hours]]), scenarios: [early] });
    arrive(rehearsal, minute(5 * 60));
    arrive(rehearsal, minute(17 * 60));
    const [baseline, sooner] = rehearsal.end(minute(48 * 60));
    expect(baseline?.figures.untilAssigned).toMatchObject({ p50Ms: 3 * HOUR, maxMs: 15 * HOUR });
    expect(sooner?.figures.untilAssigned).toMatchObject({ p50Ms: HOUR, maxMs: 13 * HOUR });
  });

  it('follow the clocks of their zone', () => {
    // The clocks of Lisbon go forward on 29 March 2026.
    const zone = new Zone('Europe/Lisbon');
    expect(new Date(zone.at('2026-03-28', 8 * HOUR)).toISOString()).toBe('2026-03-28T08:00:00.000Z');
    expect(new Date(zone.at('2026-03-29', 8 * HOUR)).toISOString()).toBe('2026-03-29T07:00:00.000Z');
    expect(zone.dayOf(Date.UTC(2026, 2, 29, 23, 30))).toBe('2026-03-30');
    expect(new Date(zone.nextMidnight(Date.UTC(2026, 2, 29, 12))).toISOString()).toBe('2026-03-29T23:00:00.000Z');
    expect(new Zone('UTC').dayOf(MONDAY)).toBe('2026-03-02');
  });

  it('deal out a desk where that is asked for', () => {
    const rehearsal = rehearse({ g: {} }, { a: ['g'], b: ['g'] }, { hours: new Map([['a', { ...hours, dealsOut: true }]]) });
    for (let at = 0; at < 4; at++) arrive(rehearsal, minute(9 * 60 + at));
    const [run] = rehearsal.runs;
    rehearsal.end(minute(17 * 60));
    expect([run?.world.roster.agent('a').desk.size, run?.world.roster.agent('b').desk.size]).toEqual([0, 4]);
  });
});
