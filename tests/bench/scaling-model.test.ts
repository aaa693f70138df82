import { describe, expect, it } from 'vitest';
import { type Costs, type Setup, simulate } from '../../scripts/scaling-model.ts';

const costs: Costs = { callMs: 1, unitMs: 3, ticketMs: 0.25, commitMs: 2, roundTripMs: 0.2, loadMs: 0 };
const usual: Setup = { processes: 1, pools: 1, callers: 64, cores: { service: 16, database: 16 }, lanes: 4, poolsPerUnit: 64, byPool: false };
const run = (setup: Partial<Setup>, more: Partial<Costs> = {}, seed = 1) => simulate({ ...usual, ...setup }, { ...costs, ...more }, { seconds: 5, seed });

describe('the simulation of several machines', () => {
  it('it tells the same for the same seed', () => {
    expect(run({ pools: 20, processes: 3 })).toEqual(run({ pools: 20, processes: 3 }));
    expect(run({ pools: 20, processes: 3 }, {}, 2)).not.toEqual(run({ pools: 20, processes: 3 }));
  });

  it('it has every caller wait or be answered at every moment: calls a second times their time is how many there are', () => {
    for (const setup of [{}, { processes: 3 }, { processes: 3, pools: 20 }]) {
      const { ticketsPerSecond, p50Ms, p99Ms } = run(setup);
      expect((ticketsPerSecond * p50Ms) / 1000).toBeGreaterThan(32);
      expect((ticketsPerSecond * p99Ms) / 1000).toBeGreaterThan(63);
    }
  });

  it('it serves a lone caller in the time that the parts of his call take, one after another', () => {
    const { ticketsPerSecond, batch, p99Ms } = run({ callers: 1 });
    expect(batch).toBe(1);
    // Call, unit, ticket, commit, and two round trips.
    expect(p99Ms).toBeCloseTo(1 + 3 + 0.25 + 2 + 0.4, 5);
    expect(ticketsPerSecond).toBeCloseTo(1000 / p99Ms, 0);
  });

  it('it never gives more than the threads of the services, or the cores of the database, can do', () => {
    for (const processes of [1, 3]) expect(run({ processes, pools: 20, callers: 512 }).ticketsPerSecond).toBeLessThanOrEqual(processes * 1000 * 1.01);
    const slow = run({ processes: 8, pools: 64, callers: 512, cores: { service: 16, database: 1 }, byPool: true });
    expect(slow.ticketsPerSecond).toBeLessThan(1000 / costs.ticketMs);
  });

  it('it has one pool work on one unit at a time, however many processes there are', () => {
    const { ticketsPerSecond, batch, lockedShare } = run({ processes: 8, callers: 1024 }, { commitMs: 50 });
    expect(lockedShare).toBeGreaterThan(0.95);
    expect(ticketsPerSecond).toBeLessThan((1000 / 50) * batch);
  });

  it('it shows what sending the calls of a pool to one process gains', () => {
    const setup = { processes: 16, pools: 16, callers: 1024 };
    expect(run({ ...setup, byPool: true }).ticketsPerSecond).toBeGreaterThan(2 * run(setup).ticketsPerSecond);
  });
});
