import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jobs } from '../../src/edge/worker/registry.ts';
import { addProcesses, beBusy, hireStaff, type Staff } from '../support/busy-service.ts';
import { makeDice } from '../support/dice.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { setup } from '../support/simulated.ts';

const SEED = 20_260_702;

let harness: Harness;
let staff: Staff;
let stop: () => Promise<void>;

beforeAll(async () => {
  harness = await createHarness();
  staff = await hireStaff(harness);
  stop = await addProcesses(harness, 2, makeDice(SEED));
});

afterAll(async () => {
  await stop();
  await harness.close();
});

it('gives zero difference to what really happened, on busy days of everything that can be asked', { timeout: 240_000 }, async () => {
  const groupIds = staff.groups.map((group) => group.groupId);
  const began: Date[] = [];
  for (let day = 0; day < 3; day++) {
    const [clock] = await harness.sql<{ now: Date }>('SELECT docket_now() AS now');
    began.push(clock?.now as Date);
    await beBusy(harness, staff, { seed: SEED + day, callers: 6, deeds: 40 });
    await harness.runJobs(jobs);
    await harness.moveClock('15 hours');
  }
  for (const start of began) {
    const answer = await harness
      .callAs('admin')
      .assignment.simulatePolicy(setup({ source: { case: 'history', value: { groupIds, startTime: timestampFromDate(start) } } }));
    expect.soft(answer.mismatchedTicketCount).toBe(0);
  }
});
