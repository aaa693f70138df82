import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { expectSound } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { type Shift, type ShiftAnswers, workShift } from '../support/shift.ts';
import { makeAgent, makeGroup } from '../support/team.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness();
});
afterEach(() => harness.close());

/** Works a shift in a Node process of its own. */
async function workApart(shift: Shift): Promise<ShiftAnswers> {
  const script = fileURLToPath(new URL('../support/shift.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(shift)]);
  return JSON.parse(stdout) as ShiftAnswers;
}

/** Works a shift with a queue and connections of its own. */
const workHere = (shift: Shift): Promise<ShiftAnswers> => workShift(shift);

const shifts = (count: number, groups: readonly Group[], more: Partial<Shift> = {}): Shift[] =>
  Array.from({ length: count }, (_, at) => ({
    url: harness.url,
    name: `process-${at}`,
    groupIds: groups.map((group) => group.groupId),
    tickets: 40,
    restless: [],
    ...more,
  }));

/** Every ticket that was answered is there once, with a key of its own, in the state that was answered; and no other. */
async function expectAllThere(answers: readonly ShiftAnswers[]): Promise<void> {
  const rows = await harness.sql<{ ticket_id: string; key: string; status: number }>('SELECT ticket_id, key, status FROM tickets');
  const created = answers.flatMap((answer) => answer.created);
  expect(rows.map((row) => row.ticket_id).sort()).toEqual([...created].sort());
  const resolved = rows.filter((row) => row.status === 4).map((row) => row.ticket_id);
  expect(resolved.sort()).toEqual(answers.flatMap((answer) => answer.resolved).sort());
  const numbers = await harness.sql(
    `SELECT FROM tickets t JOIN groups g USING (group_id) GROUP BY g.key HAVING count(DISTINCT t.key) <> max(split_part(t.key, '-', 2)::int)`,
  );
  expect(numbers, 'groups whose keys were not counted without gap').toEqual([]);
}

/** Most minus fewest tickets given to these agents, after each decision in the order of the one sequence. */
async function worstSpread(agentIds: readonly string[]): Promise<number> {
  const counts = new Map(agentIds.map((agentId) => [agentId, 0]));
  let worst = 0;
  for (const { agent_id } of await harness.sql<{ agent_id: string }>('SELECT agent_id FROM assignment_decisions ORDER BY sequence')) {
    counts.set(agent_id, (counts.get(agent_id) ?? 0) + 1);
    worst = Math.max(worst, Math.max(...counts.values()) - Math.min(...counts.values()));
  }
  return worst;
}

async function expectNoViolation(): Promise<void> {
  await expectSound(harness);
  const report = await checkDatabase(harness.url, { firstViolations: 10 });
  expect(report.findings.flatMap(({ invariant, first }) => first.map((words) => `${invariant} ${words}`))).toEqual([]);
}

describe.each([
  ['several queues, each with connections of its own', workHere],
  ['several Node processes', workApart],
])('%s on one database', (_where, work) => {
  it('deal a steady team its tickets at most one apart, at every moment', { timeout: 120_000 }, async () => {
    const group = await makeGroup(harness, 'STEADY');
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (const name of names) await makeAgent(harness, name, [group]);
    const answers = await Promise.all(shifts(3, [group]).map(work));
    await expectAllThere(answers);
    expect(await worstSpread(names)).toBe(1);
    await expectNoViolation();
  });

  it('lose and double nothing, and break no limit, while agents with limits in shared groups come and go', { timeout: 120_000 }, async () => {
    const groups = [
      await makeGroup(harness, 'ONE', { assignmentPolicy: { maxOpenPerAgent: 6, catchUpLimit: 2 } }),
      await makeGroup(harness, 'TWO'),
      await makeGroup(harness, 'APART'),
    ];
    const [one, two, apart] = groups as [Group, Group, Group];
    for (const name of ['only-one', 'in-both', 'in-both-too']) await makeAgent(harness, name, name === 'only-one' ? [one] : [one, two], { maxOpenTickets: 5 });
    for (const name of ['apart-1', 'apart-2']) await makeAgent(harness, name, [apart], { maxOpenTickets: 4 });
    const answers = await Promise.all(
      shifts(3, groups).map((shift, at) => work({ ...shift, restless: [['in-both'], ['apart-1'], ['only-one', 'in-both-too']][at] ?? [] })),
    );
    await expectAllThere(answers);
    const over = await harness.sql('SELECT agent_id FROM agents JOIN agent_counters USING (agent_id) WHERE open_tickets > max_open_tickets');
    expect(over).toEqual([]);
    // Limits were reached at all, so that they could have been broken.
    expect(await harness.sql(`SELECT FROM assignment_decisions WHERE kind = 'WAITING' LIMIT 1`)).toHaveLength(1);
    await expectNoViolation();
  });
});
