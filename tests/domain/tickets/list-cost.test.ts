import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listTickets, type Scope, ticketOrder, type WantedTickets } from '../../../src/domain/tickets/queries.ts';
import type { Sql } from '../../../src/foundation/database/sql.ts';
import { type Position, positionOf } from '../../../src/foundation/page/index.ts';
import { insertAgent, insertGroup, type Reading, startReading } from '../../support/reading.ts';

const TICKETS = 30_000;
const PAGE = 50;
/** A page's own rows, one block each at worst, and the way down a few indexes. */
const BLOCKS_PER_PAGE = 2 * PAGE + 60;

const any: WantedTickets = { groupId: '', agentId: '', userId: '0', statuses: [], priorities: [], unassigned: false, filter: '' };

interface Plan {
  readonly 'Index Name'?: string;
  readonly 'Node Type': string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

describe('a page of tickets', () => {
  let reading: Reading;
  let groups: string[];
  let dormant: string;
  beforeAll(async () => {
    reading = await startReading();
    groups = [];
    for (let number = 1; number <= 10; number++) groups.push(await insertGroup(reading, `G${number}`));
    dormant = await insertGroup(reading, 'DORMANT');
    for (let number = 1; number <= 40; number++) await insertAgent(reading, `a${number}`);
    await insertAgent(reading, 'gone');
    // The first two thousand belong to a group, and the first thousand to an agent, that have had none since.
    await reading.sql(
      `INSERT INTO tickets (ticket_id, key, group_id, user_id, agent_id, status, priority, create_time, update_time)
       SELECT gen_random_uuid(), 'X-' || i, CASE WHEN i <= 2000 THEN $1 ELSE ($2::uuid[])[1 + i % 10] END, 1 + i % 3000,
         CASE WHEN i % 50 = 0 THEN NULL WHEN i <= 1000 THEN 'gone' ELSE 'a' || 1 + i % 40 END,
         CASE WHEN i > 29000 THEN 1 + i % 3 ELSE 4 + i % 2 END, 1 + (i * 7) % 4, '2026-01-01'::timestamptz + i * interval '1 minute', now()
       FROM generate_series(1, $3::integer) i`,
      [dormant, groups, TICKETS],
    );
    await reading.sql('VACUUM (ANALYZE) tickets');
  });
  afterAll(() => reading.close());

  const ask: Sql = async <Row>(text: string, values: readonly unknown[] = []) => (await reading.sql(text, values)) as Row[];

  /** What a page cost: blocks touched, the indexes walked, and whether the table was searched through. */
  const costOf = async (wanted: Partial<WantedTickets>, scope: Scope, orderBy: string, after: Position | undefined) => {
    let plan: Plan | undefined;
    const explain: Sql = async (text, values) => {
      const [row] = await ask<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
      plan = row?.['QUERY PLAN'][0].Plan;
      return [];
    };
    await listTickets(explain, { ...any, ...wanted }, scope, ticketOrder(orderBy), PAGE + 1, after);
    const nodes = (node: Plan): Plan[] => [node, ...(node.Plans ?? []).flatMap(nodes)];
    const all = plan ? nodes(plan) : [];
    return {
      blocks: (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0),
      indexes: [...new Set(all.flatMap((node) => node['Index Name'] ?? []))],
      searched: all.some((node) => node['Node Type'] === 'Seq Scan'),
    };
  };
  /** The position after so many pages. */
  const positionAfter = async (pages: number, wanted: Partial<WantedTickets>, scope: Scope, orderBy: string): Promise<Position> => {
    const order = ticketOrder(orderBy);
    const rows = await listTickets(ask, { ...any, ...wanted }, scope, order, pages * PAGE);
    expect(rows).toHaveLength(pages * PAGE);
    return positionOf(rows.at(-1) as unknown as Record<string, unknown>, order);
  };

  it.each<[string, () => Partial<WantedTickets>, () => Scope, string, string, number]>([
    ['all, newest first', () => ({}), () => 'all', '', 'tickets_by_create_time', 500],
    ['all, oldest first', () => ({}), () => 'all', 'create_time', 'tickets_by_create_time', 500],
    ['all, by priority', () => ({}), () => 'all', 'priority desc', 'tickets_by_priority', 500],
    ['a group', () => ({ groupId: groups[0] as string }), () => 'all', '', 'tickets_of_group', 40],
    ['a group that has been idle since, newest first', () => ({ groupId: dormant }), () => 'all', '', 'tickets_of_group', 30],
    ['an agent', () => ({ agentId: 'a7' }), () => 'all', 'create_time', 'tickets_of_agent', 10],
    ['an agent who left long ago, newest first', () => ({ agentId: 'gone' }), () => 'all', '', 'tickets_of_agent', 15],
    ['nobody', () => ({ unassigned: true }), () => 'all', '', 'tickets_of_agent', 10],
    ['the groups of an agent', () => ({}), () => [groups[0], groups[1]] as string[], '', 'tickets_of_group', 50],
    ['the idle group of an agent', () => ({}), () => [dormant], '', 'tickets_of_group', 30],
  ])('costs no more late than early, and walks one index: tickets of %s', async (_name, wanted, scope, orderBy, index, pages) => {
    const first = await costOf(wanted(), scope(), orderBy, undefined);
    const late = await costOf(wanted(), scope(), orderBy, await positionAfter(pages, wanted(), scope(), orderBy));
    for (const page of [first, late]) {
      expect(page.indexes).toContain(index);
      expect(page.searched).toBe(false);
      expect(page.blocks).toBeLessThan(scope() === 'all' ? BLOCKS_PER_PAGE : 2 * BLOCKS_PER_PAGE);
    }
    expect(late.blocks).toBeLessThan(1.5 * first.blocks + 20);
  });

  it.each<[string, Partial<WantedTickets>, string, string]>([
    ['a user', { userId: '77' }, '', 'tickets_of_user'],
    ["an agent's desk", { agentId: 'a7', statuses: [1, 2, 3] }, 'priority desc', 'tickets_pending_of_agent'],
    ['one key, in a filter', { filter: 'key == "X-77"' }, '', 'tickets_key_key'],
    ['one agent, in a filter', { filter: 'agent_id == "gone" && status == CLOSED' }, '', 'tickets_of_agent'],
  ])('walks the index of %s', async (_name, wanted, orderBy, index) => {
    const page = await costOf(wanted, 'all', orderBy, undefined);
    expect(page.indexes).toContain(index);
    expect(page.searched).toBe(false);
  });
});
