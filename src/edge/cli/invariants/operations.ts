import { readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { Findings } from './findings.ts';

/** Checks that operations dealt with each of their tickets once, and that what they say of it is what the log says. */
export async function checkOperations(sql: Sql, findings: Findings): Promise<void> {
  await checkCounts(sql, findings);
  await checkChanges(sql, findings);
  const [found] = await sql<{ operations: string; tickets: string }>(
    'SELECT count(*) AS operations, coalesce(sum(changed_count + unchanged_count + failed_count), 0) AS tickets FROM operation_progress',
  );
  findings.note('I2', `${found?.operations ?? 0} operations dealt with ${found?.tickets ?? 0} tickets`);
}

/** What each operation says of itself, its progress and its chunks must be the same; a ticket is in it once. */
async function checkCounts(sql: Sql, findings: Findings): Promise<void> {
  const rows = readRows<{ operation_id: string; says: string; counted: string }>(
    sql,
    `SELECT * FROM (
       SELECT o.operation_id,
         concat_ws(' ', o.total_count, o.total_count, p.next_chunk, p.changed_count, p.unchanged_count, p.failed_count) AS says,
         concat_ws(' ', t.tickets, t.different, t.done_chunks, t.changed, t.unchanged, t.failed) AS counted,
         o.end_time IS NOT NULL AND (o.changed_count, o.unchanged_count, o.failed_count) <> (p.changed_count, p.unchanged_count, p.failed_count) AS differs,
         o.state = 'SUCCEEDED' AND p.changed_count + p.unchanged_count + p.failed_count <> o.total_count AS short
       FROM operations o JOIN operation_progress p USING (operation_id) CROSS JOIN LATERAL (
         SELECT count(*) AS tickets, count(DISTINCT x.ticket_id) AS different, count(DISTINCT c.chunk) FILTER (WHERE c.transaction_id IS NOT NULL) AS done_chunks,
           count(*) FILTER (WHERE x.outcome = 2) AS changed, count(*) FILTER (WHERE x.outcome = 3) AS unchanged, count(*) FILTER (WHERE x.outcome = 4) AS failed
         FROM operation_chunks c CROSS JOIN LATERAL unnest(c.ticket_ids, c.outcomes) AS x(ticket_id, outcome) WHERE c.operation_id = o.operation_id
       ) t
       -- What became of each ticket is dropped some time after the end.
       WHERE o.end_time IS NULL OR EXISTS (SELECT FROM operation_chunks c WHERE c.operation_id = o.operation_id)
     ) told WHERE says <> counted OR differs OR short`,
  );
  for await (const row of rows) {
    findings.report(
      'I2',
      `operation ${row.operation_id} says of its tickets, chunks and outcomes ${row.says}; counted are ${row.counted}, or its end says otherwise`,
    );
  }
}

/** In the transaction of a chunk, each ticket that it changed has one entry, under the operation's caller and request id; no other ticket of it has any. */
async function checkChanges(sql: Sql, findings: Findings): Promise<void> {
  const rows = readRows<{ operation_id: string; ticket_id: string; outcome: number; entries: string }>(
    sql,
    // Put together by grouping: a join would be planned by how many elements the server takes an array to have.
    `SELECT max(operation_id) AS operation_id, ticket_id, max(outcome) AS outcome, sum(entries) AS entries
     FROM (
       SELECT c.operation_id::text, o.actor, o.request_id, c.transaction_id, x.ticket_id::text, x.outcome, 0 AS entries
       FROM operation_chunks c JOIN operations o USING (operation_id) CROSS JOIN LATERAL unnest(c.ticket_ids, c.outcomes) AS x(ticket_id, outcome)
       WHERE c.transaction_id IS NOT NULL
       UNION ALL
       SELECT NULL, actor, request_id, transaction_id, entity_id, NULL, 1 FROM audit_entries
       WHERE entity_type = 'ticket' AND request_id IN (SELECT request_id FROM operations)
     ) told
     GROUP BY actor, request_id, transaction_id, ticket_id
     HAVING max(outcome) IS NOT NULL AND sum(entries) <> CASE max(outcome) WHEN 2 THEN 1 ELSE 0 END`,
  );
  for await (const row of rows) {
    findings.report('I2', `operation ${row.operation_id} says ${row.outcome} of ticket ${row.ticket_id}, whose change has ${row.entries} entries`);
  }
}
