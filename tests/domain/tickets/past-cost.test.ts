import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getTicketAt } from '../../../src/domain/tickets/past.ts';
import { listTicketsAt, pastTicketOrder } from '../../../src/domain/tickets/past-list.ts';
import type { Look } from '../../../src/foundation/database/gathered-lookups.ts';
import type { Sql } from '../../../src/foundation/database/sql.ts';
import { readInstant } from '../../support/instants.ts';
import { changeAs, insertGroup, type Reading, startReading } from '../../support/reading.ts';

const TICKETS = 3_000;
const PAGE = 51;
/** The way down the index of each month from that of the instant on, most of them empty, and the entry. */
const BLOCKS_PER_LOOK_UP = 60;

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

describe('a read of the past', () => {
  let reading: Reading;
  let at: string;
  beforeAll(async () => {
    reading = await startReading();
    const groupId = await insertGroup(reading, 'KYC');
    await reading.sql(
      `INSERT INTO tickets (ticket_id, key, group_id, user_id, status, priority, create_time, update_time)
       SELECT gen_random_uuid(), 'KYC-' || i, $1, i, 1, 2, '2026-01-01'::timestamptz + i * interval '1 minute', docket_now() FROM generate_series(1, $2::integer) i`,
      [groupId, TICKETS],
    );
    const changeAll = (title: string) =>
      changeAs(reading, { actor: 'root', rpc: 'ticketing.v1.TicketService/BulkUpdateTickets' }, [`UPDATE tickets SET title = '${title}'`]);
    await changeAll('first');
    // The statistics know nothing of what comes now: by them hardly an entry is later than the instant.
    await reading.sql('VACUUM (ANALYZE) audit_entries, tickets');
    at = await readInstant(reading);
    await changeAll('second');
  });
  afterAll(() => reading.close());

  /** Blocks touched by the statement that reads the past. */
  const costOf = async (work: (sql: Sql) => Promise<unknown>): Promise<number> => {
    let blocks = 0;
    const explain: Sql = async <Row>(text: string, values: readonly unknown[] = []) => {
      if (!text.includes('jsonb_populate_record')) return (await reading.sql(text, values)) as Row[];
      const [row] = await reading.sql<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
      const plan = row?.['QUERY PLAN'][0].Plan;
      blocks = (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0);
      return (await reading.sql(text, values)) as Row[];
    };
    await work(explain);
    return blocks;
  };

  it('of one ticket looks at one entry of it, however many entries are later', async () => {
    const gather =
      (sql: Sql) =>
      async <Input, Found>(look: Look<Input, Found>, input: Input) =>
        (await look(sql, [input]))[0] as Found;
    const blocks = await costOf(async (sql) => expect((await getTicketAt({ gather: gather(sql) }, 'KYC-77', at, 'all')).title).toBe('first'));
    expect(blocks).toBeGreaterThan(0);
    expect(blocks).toBeLessThan(BLOCKS_PER_LOOK_UP);
  });

  it('of a page looks at one entry of each ticket on it, and at no ticket beyond', async () => {
    const wanted = { groupId: '', agentId: '', userId: '0', statuses: [], priorities: [], unassigned: false, filter: '' };
    const blocks = await costOf(async (sql) => {
      const { rows } = await listTicketsAt(sql, { wanted, at, scope: 'all', order: pastTicketOrder('') }, PAGE, undefined);
      expect(rows.map(({ title }) => title)).toEqual(Array.from({ length: PAGE }, () => 'first'));
    });
    // Besides, the two thousand tickets from among which they are.
    expect(blocks).toBeLessThan(PAGE * BLOCKS_PER_LOOK_UP + 2_000);
  });
});
