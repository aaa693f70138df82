import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TieBreak } from '../../gen/ticketing/v1/assignment_explanation_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { checkDatabase, checkInvariants, type Report } from '../../src/edge/cli/check-invariants.ts';
import { jobs } from '../../src/edge/worker/registry.ts';
import type { Sql } from '../../src/foundation/database/sql.ts';
import { addProcesses, beBusy, decideInEveryWay, hireStaff, type Staff } from '../support/busy-service.ts';
import { makeDice } from '../support/dice.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup } from '../support/team.ts';

const SEED = 20_260_302;

let harness: Harness;
let staff: Staff;
let stop: () => Promise<void>;

beforeAll(async () => {
  harness = await createHarness();
  staff = await hireStaff(harness);
  await decideInEveryWay(harness, staff);
  stop = await addProcesses(harness, 2, makeDice(SEED));
});

afterAll(async () => {
  await stop();
  await harness.close();
});

/** What a report found, as `I4 words`. */
const wordsOf = (report: Report): string[] => report.findings.flatMap(({ invariant, first }) => first.map((words) => `${invariant} ${words}`));

it('keeps every invariant while three processes carry out everything that can be asked, over several days', { timeout: 240_000 }, async () => {
  for (let day = 0; day < 3; day++) {
    await beBusy(harness, staff, { seed: SEED + day, callers: 6, deeds: 40 });
    // Long enough for skills to relax for what waits.
    await harness.moveClock('2 hours');
    await harness.runJobs(jobs);
    expect(wordsOf(await checkDatabase(harness.url, { firstViolations: 20 }))).toEqual([]);
    await harness.moveClock('13 hours');
  }
  const report = await checkDatabase(harness.url);
  // It was put to the test at all: every kind of decision, and the bound on fairness.
  expect(report.decisions).toBeGreaterThan(200);
  const kinds = await harness.sql<{ kind: string }>('SELECT DISTINCT kind FROM assignment_decisions ORDER BY 1');
  expect(kinds.map(({ kind }) => kind)).toEqual(['CREATE', 'MANUAL', 'REASSIGN', 'REOPEN', 'WAITING']);
  expect(await harness.sql(`SELECT FROM assignment_rounds WHERE rule = 'DEAL' LIMIT 1`)).toHaveLength(1);
  const strategies = await harness.sql(`SELECT DISTINCT policy ->> 'strategy' AS name FROM assignment_rounds WHERE rule = 'POLICY'`);
  expect(strategies.length).toBeGreaterThanOrEqual(5);
  expect(report.findings.find(({ invariant }) => invariant === 'I5')?.notes).toEqual([expect.stringMatching(/speaks of [1-9]\d* days/)]);
});

it('explains what it decided on those days from the stored records, each with the one who was chosen and why', { timeout: 60_000 }, async () => {
  const decided = await harness.sql<{ ticket_id: string; sequence: string; agent_id: string; tie_break: keyof typeof TieBreak }>(
    'SELECT ticket_id, sequence, agent_id, tie_break FROM assignment_decisions WHERE round_id IS NOT NULL ORDER BY hashint8(sequence) LIMIT 200',
  );
  for (const { ticket_id: ticketId, sequence, agent_id: agentId, tie_break: tieBreak } of decided) {
    const { explanation } = await harness.callAs('auditor').tickets.explainAssignment({ ticketId, sequence: BigInt(sequence) });
    expect(explanation).toMatchObject({ agentId, tieBreak: TieBreak[tieBreak] });
    expect(explanation?.candidates.filter((one) => one.chosen || (one.rank === 1 && tieBreak !== 'PREVIOUS_AGENT')).map((one) => one.agentId)).toEqual([
      agentId,
    ]);
    expect(explanation?.summary).not.toContain('undefined');
  }
});

describe('the checker', () => {
  beforeAll(async () => {
    // Whatever the busy days left: here is something of everything that is tampered with below.
    const group = await makeGroup(harness, 'TAIL', { assignmentPolicy: { catchUpLimit: 0 } });
    for (const agentId of ['pat', 'quin']) await makeAgent(harness, agentId, [group]);
    const who = harness.callAs({ roles: ['admin', 'service'], actor: 'busy' });
    const tickets = [];
    for (let at = 0; at < 6; at++) {
      const { ticket } = await who.tickets.createTicket({
        groupId: group.groupId,
        userId: BigInt(at + 1),
        requestId: randomUUID(),
        externalReferences: [{ system: 'tail', id: String(at), url: '' }],
      });
      tickets.push(ticket);
    }
    await who.tickets.updateTicket({ ticket: { ticketId: tickets[0]?.ticketId ?? '', status: TicketStatus.RESOLVED }, updateMask: { paths: ['status'] } });
    await makeAgent(harness, 'rosa', [group]);
    expect(await harness.sql(`SELECT handicap FROM handicaps WHERE agent_id = 'rosa'`)).toEqual([{ handicap: 3 }]);
  });

  const HELD = `(SELECT ticket_id FROM tickets WHERE key = 'TAIL-3')`;
  const DECIDED = `(SELECT max(sequence) FROM assignment_decisions WHERE round_id IS NOT NULL AND position = 0)`;

  it('finds nothing in what nobody tampered with', async () => {
    expect(await tamper()).toEqual([]);
  });

  it.each([
    [
      'a ticket was moved to another agent by SQL',
      `UPDATE tickets SET agent_id = (SELECT min(agent_id) FROM agents a WHERE a.agent_id <> tickets.agent_id) WHERE ticket_id = ${HELD}`,
      [/^I3 ticket .* is on the desk of/, /^I6 agent .* pending tickets/],
    ],
    ['a ticket was taken from its agent by SQL', `UPDATE tickets SET agent_id = NULL WHERE ticket_id = ${HELD}`, [/^I3 ticket .* is on the desk of nobody/]],
    ['a ticket was resolved by SQL', `UPDATE tickets SET status = 4 WHERE ticket_id = ${HELD}`, [/^I3 ticket/, /^I6/]],
  ])('finds out when %s, which the log has on record', async (_, corruption, expected) => {
    const found = await tamper(corruption);
    for (const words of expected) expect(found).toContainEqual(expect.stringMatching(words));
    expect(found.filter((words) => words.startsWith('I7'))).toEqual([]);
  });

  it.each([
    [
      'a ticket is gone',
      `DELETE FROM tickets WHERE ticket_id = ${HELD}`,
      [/^I1 ticket .* is not there/, /^I1 group .* some are missing/, /^I7 ticket .* is gone without an audit entry/],
    ],
    [
      'a ticket that was answered for is gone',
      `DELETE FROM tickets WHERE ticket_id = (SELECT entity_id::uuid FROM audit_entries e JOIN requests r USING (request_id) WHERE e.entity_type = 'ticket' AND operation = 'CREATE' LIMIT 1)`,
      [/^I1 request .* was answered with ticket/],
    ],
    [
      'a ticket was changed past the log',
      `UPDATE tickets SET title = 'forged', version = version + 1 WHERE ticket_id = ${HELD}`,
      [/^I7 ticket .* differs from its latest audit entry \d+ in title, version/],
    ],
    ['an agent was changed past the log', `UPDATE agents SET display_name = 'forged' WHERE agent_id = 'ann'`, [/^I7 agent ann differs .* in display_name/]],
    [
      'an audit entry is gone',
      `DELETE FROM audit_entries WHERE entity_type = 'ticket' AND operation = 'CREATE' AND entity_id = (SELECT ticket_id::text FROM tickets WHERE key = 'TAIL-1')`,
      [/^I7 ticket .* follows on no entry/],
    ],
    [
      'an entry lies outside every month',
      `INSERT INTO audit_entries SELECT entry_id + 1000000, '2001-01-01', actor, actor_kind, rpc, NULL, reason, 'elsewhere', entity_id, version, operation, before, after, changed_fields, transaction_id FROM audit_entries LIMIT 1`,
      [/^I7 1 entries are in the default partition/],
    ],
    [
      'one request id made two tickets',
      `UPDATE audit_entries SET actor = 'busy', rpc = 'ticketing.v1.TicketService/CreateTicket', request_id = '${randomUUID()}' WHERE entity_type = 'ticket' AND operation = 'CREATE'`,
      [/^I2 request id .* had effects in \d+ transactions/],
    ],
    ['an outside identifier is free again', `DELETE FROM external_reference_keys`, [/^I2 ticket .* carries external reference tail .* kept for nobody/]],
    ['a decision is gone', `DELETE FROM assignment_decisions WHERE sequence = ${DECIDED}`, [/^I3|^I6/, /^I6 counters of agent .* total_assigned/]],
    [
      'a decision names another agent',
      `UPDATE assignment_decisions SET agent_id = (SELECT min(agent_id) FROM agents WHERE agent_id <> assignment_decisions.agent_id) WHERE sequence = ${DECIDED}`,
      [/^I4 decision .* went to .*; the rules give/],
    ],
    [
      'a decision is explained wrongly',
      `UPDATE assignment_decisions SET tie_break = 'NONE' WHERE sequence = ${DECIDED}`,
      [/^I4 decision .* is explained by NONE/],
    ],
    [
      'a round is gone',
      `DELETE FROM assignment_rounds WHERE round_id = (SELECT round_id FROM assignment_decisions WHERE sequence = ${DECIDED})`,
      [/^I4 decision .* has no round/],
    ],
    [
      'a round was touched up',
      `UPDATE assignment_rounds SET assigned_today = (SELECT array_agg(n + 1) FROM unnest(assigned_today) n) WHERE round_id = (SELECT round_id FROM assignment_decisions WHERE sequence = ${DECIDED})`,
      [/^I4 round .* it has assigned today of/],
    ],
    [
      'weights of a round were touched up',
      `UPDATE assignment_rounds SET weights = (SELECT array_agg(n + 1) FROM unnest(weights) n) WHERE cardinality(weights) > 0`,
      [/^I4 round .* it has weight of/],
    ],
    [
      'times present of a round were touched up',
      `UPDATE assignment_rounds SET present_ms = (SELECT array_agg(n + 1) FROM unnest(present_ms) n) WHERE cardinality(present_ms) > 0`,
      [/^I4 round .* it has presence of/],
    ],
    [
      'a round claims that its tickets had waited longer',
      `UPDATE assignment_rounds SET relaxed_levels = relaxed_levels + 1`,
      [/^I4 decision .* had relaxed by 0 levels, its round \d+ says 1/],
    ],
    [
      'a release is gone',
      `DELETE FROM assignment_releases WHERE sequence = (SELECT max(sequence) FROM assignment_releases WHERE resolved)`,
      [/^I3/, /^I6 counters of agent .* total_resolved/],
    ],
    [
      'an agent had been away when he was given a ticket',
      `UPDATE eligibility_changes SET state = state || '{"availability": "AWAY"}' WHERE kind = 'AGENT'`,
      [/^I9 decision .* who was AWAY/],
    ],
    [
      'a handicap is not on record',
      `DELETE FROM eligibility_changes WHERE kind = 'HANDICAP' AND (state ->> 'handicap')::integer > 0`,
      [/^I4 before \d+: agent .* but 0 is on record/],
    ],
    [
      'the business day went back',
      `UPDATE eligibility_changes SET state = state || '{"business_day": "2001-01-01"}' WHERE sequence = (SELECT max(sequence) FROM eligibility_changes WHERE kind = 'DAY' AND state -> 'group_ids' ? (SELECT group_id::text FROM groups WHERE key = 'PLAIN'))`,
      [/^I8 change .* goes back/],
    ],
    ['a pool stands before its last day', `UPDATE pools SET business_day = '2001-01-01'`, [/^I8 the pool of group .* is at 2001-01-01/]],
    [
      'a counter of an agent is wrong',
      `UPDATE agent_counters SET assigned_today = assigned_today + 1 WHERE agent_id = 'ann'`,
      [/^I6 counters of agent ann .*assigned_today is/],
    ],
    [
      'a counter of open tickets is wrong',
      `UPDATE agent_counters SET open_tickets = open_tickets - 1 WHERE agent_id = 'ann'`,
      [/^I6 counters of agent ann .*open_tickets is/],
    ],
    ['an agent has no counters', `DELETE FROM agent_counters WHERE agent_id = 'ann'`, [/^I6 agent ann has no counters/]],
    ['a group counts its tickets wrongly', `UPDATE group_counters SET last_ticket_number = last_ticket_number + 1`, [/^I6 group .* has counted/]],
    [
      'agents are shared across pools',
      `UPDATE group_pools SET pool_id = 1000000 + hashtext(group_id::text)`,
      [/^I9 the groups of agent .* pools instead of one/],
    ],
  ])('finds out when %s', async (_, corruption, expected) => {
    const found = await tamper('SET LOCAL session_replication_role = replica', corruption);
    for (const words of expected) expect(found).toContainEqual(expect.stringMatching(words));
  });

  it('finds out when a trigger of the log is switched off', async () => {
    expect(await tamper('ALTER TABLE tickets DISABLE TRIGGER tickets_audit_update')).toContainEqual(
      'I7 trigger tickets_audit_update of table tickets is disabled',
    );
  });

  it('finds out when tickets wait while somebody could take them', async () => {
    const group = staff.groups[5]?.groupId;
    const found = await tamper(
      `UPDATE groups SET active = true, delete_time = NULL, strategy = 'LEAST_ASSIGNED_TODAY', max_open_per_agent = NULL WHERE group_id = '${group}'`,
      `INSERT INTO tickets (ticket_id, key, group_id, user_id, status, priority, create_time, update_time) VALUES (gen_random_uuid(), 'ALONE-100000', '${group}', 1, 1, 2, docket_now(), docket_now())`,
    );
    expect(found).toContainEqual(expect.stringMatching(/^I10 .* while agent (xia|yan|zoe|late-\d+|\w+) could take one/));
  });

  it('counts beyond the violations that it tells in words', async () => {
    const report = await tamperedReport(1, ['SET LOCAL session_replication_role = replica', 'UPDATE agent_counters SET total_resolved = total_resolved + 1']);
    const counters = report.findings.find(({ invariant }) => invariant === 'I6');
    expect(counters?.first).toHaveLength(1);
    expect(counters?.violations).toBeGreaterThan(5);
    expect(report.ok).toBe(false);
  });

  it('rebuilds wrong counters from history when asked to, and ends with exit code 1 as long as anything is violated', { timeout: 60_000 }, async () => {
    await harness.sql(
      `UPDATE agent_counters SET assigned_today = assigned_today + 3, open_tickets = 0, last_assigned_sequence = 0 WHERE agent_id IN ('xia', 'yan')`,
    );
    await harness.sql(`UPDATE group_counters SET last_ticket_number = 0 WHERE group_id = $1`, [staff.groups[0]?.groupId]);
    const before = await runCommand('--database-url', harness.url);
    expect(before.code).toBe(1);
    expect(before.output).toMatch(/^I6 .*VIOLATED 3 times/m);
    const repair = await runCommand('--database-url', harness.url, '--repair', '--json');
    expect(repair.code).toBe(0);
    expect(JSON.parse(repair.output)).toMatchObject({ ok: true, repaired: 3 });
    expect((await runCommand('--database-url', harness.url)).output).toContain('All invariants hold.');
  });

  /** What is found after these statements, which are then taken back. */
  async function tamper(...statements: string[]): Promise<string[]> {
    return wordsOf(await tamperedReport(1000, statements));
  }

  async function tamperedReport(firstViolations: number, statements: readonly string[]): Promise<Report> {
    const client = new pg.Client({ connectionString: harness.url, options: '-c search_path=docket' });
    await client.connect();
    const sql: Sql = async <Row>(text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as Row[];
    try {
      await client.query('BEGIN');
      for (const statement of statements) {
        const { rowCount } = await client.query(statement);
        if (/^(UPDATE|DELETE|INSERT)/.test(statement)) expect(rowCount, statement).toBeGreaterThan(0);
      }
      return await checkInvariants(sql, { firstViolations });
    } finally {
      await client.end();
    }
  }
});

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

function runCommand(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'check-invariants', ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}
