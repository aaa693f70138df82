import { fromBinary, type Message } from '@bufbuild/protobuf';
import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { Findings } from './findings.ts';

/** How long a request id must stand for one effect, as an interval of PostgreSQL. */
const RETENTION = '30 days';
/** Tickets looked up at a time. */
const CHUNK_TICKETS = 1_000;

/** Checks that every answer on record speaks of tickets that are there, and that no request id had two effects. */
export async function checkRequests(sql: Sql, findings: Findings): Promise<void> {
  await checkAnswers(sql, findings);
  await checkEffects(sql, findings);
  await checkReferences(sql, findings);
}

interface Answered {
  readonly requestKey: string;
  readonly rpc: string;
  readonly ticketId: string;
}

async function checkAnswers(sql: Sql, findings: Findings): Promise<void> {
  const prefix = `${TicketService.typeName}/`;
  const rows = readRows<{ request_key: string; rpc: string; answer: Uint8Array }>(
    sql,
    `SELECT request_key, rpc, answer FROM requests WHERE answer IS NOT NULL AND starts_with(rpc, '${prefix}')`,
    500,
  );
  let requests = 0;
  let tickets = 0;
  let chunk: Answered[] = [];
  const lookUp = async (): Promise<void> => {
    tickets += chunk.length;
    const found = await sql<{ ticket_id: string }>('SELECT ticket_id FROM tickets WHERE ticket_id = ANY ($1::uuid[])', [
      chunk.map((answered) => answered.ticketId),
    ]);
    const there = new Set(found.map((row) => row.ticket_id));
    for (const { ticketId, rpc, requestKey } of chunk) {
      if (!there.has(ticketId)) findings.report('I1', `request ${requestKey} (${rpc}) was answered with ticket ${ticketId}, which is not there`);
    }
    chunk = [];
  };
  for await (const { request_key: requestKey, rpc, answer } of rows) {
    requests += 1;
    const ticketIds = ticketsOf(rpc.slice(prefix.length), answer);
    if (!ticketIds) findings.report('I2', `the answer kept for request ${requestKey} (${rpc}) cannot be read`);
    for (const ticketId of ticketIds ?? []) chunk.push({ requestKey, rpc, ticketId });
    if (chunk.length >= CHUNK_TICKETS) await lookUp();
  }
  await lookUp();
  findings.note('I1', `${requests} kept answers name ${tickets} tickets`);
}

/** Ids of all tickets that an answer names; undefined when it is no answer of this method. */
function ticketsOf(method: string, answer: Uint8Array): string[] | undefined {
  const { output } = TicketService.methods.find(({ name }) => name === method) ?? {};
  if (!output) return undefined;
  try {
    return [...idsIn(fromBinary(output, answer))];
  } catch {
    return undefined;
  }
}

function* idsIn(message: Message & { ticketId?: unknown; ticketIds?: unknown }): Generator<string> {
  if (typeof message.ticketId === 'string' && message.ticketId !== '') yield message.ticketId;
  if (Array.isArray(message.ticketIds)) yield* message.ticketIds as string[];
  for (const value of Object.values(message).flat()) if (typeof value === 'object' && value !== null && '$typeName' in value) yield* idsIn(value as Message);
}

async function checkEffects(sql: Sql, findings: Findings): Promise<void> {
  const rows = readRows<{ actor: string; request_id: string; transactions: string; tickets: string; single: boolean }>(
    sql,
    `SELECT * FROM (
       SELECT actor, request_id, count(DISTINCT transaction_id) AS transactions, bool_or(rpc LIKE '%/CreateTicket') AS single,
         count(*) FILTER (WHERE entity_type = 'ticket' AND operation = 'CREATE') AS tickets, max(time) - min(time) AS span
       FROM audit_entries WHERE request_id IS NOT NULL AND operation <> 'REFUSE' GROUP BY actor, request_id
     ) effect WHERE span < interval '${RETENTION}' AND (transactions > 1 OR (single AND tickets <> 1))
       -- An operation is one effect, in many transactions.
       AND NOT EXISTS (SELECT FROM operations o WHERE o.actor = effect.actor AND o.request_id = effect.request_id)`,
  );
  for await (const row of rows) {
    findings.report(
      'I2',
      `request id ${row.request_id} of ${row.actor} had effects in ${row.transactions} transactions${row.single ? ` and made ${row.tickets} tickets` : ''}`,
    );
  }
  const [ids] = await sql<{ count: string }>('SELECT count(*) FROM requests WHERE request_id IS NOT NULL');
  findings.note('I2', `${ids?.count ?? 0} request ids on record`);
}

async function checkReferences(sql: Sql, findings: Findings): Promise<void> {
  const keys = readRows<{ system: string; external_id: string; ticket_id: string }>(
    sql,
    `SELECT k.system, k.external_id, k.ticket_id FROM external_reference_keys k LEFT JOIN tickets t USING (ticket_id)
     WHERE t.ticket_id IS NULL OR NOT t.external_references @> jsonb_build_array(jsonb_build_object('system', k.system, 'id', k.external_id))`,
  );
  for await (const row of keys)
    findings.report('I2', `external reference ${row.system} ${row.external_id} is kept for ticket ${row.ticket_id}, which does not carry it`);
  const references = readRows<{ system: string; external_id: string; ticket_id: string; owner: string | null }>(
    sql,
    `SELECT r.value ->> 'system' AS system, r.value ->> 'id' AS external_id, t.ticket_id, k.ticket_id AS owner
     FROM tickets t CROSS JOIN LATERAL jsonb_array_elements(t.external_references) r
     LEFT JOIN external_reference_keys k ON k.system = r.value ->> 'system' AND k.external_id = r.value ->> 'id'
     WHERE t.external_references <> '[]' AND k.ticket_id IS DISTINCT FROM t.ticket_id`,
  );
  for await (const row of references) {
    findings.report(
      'I2',
      `ticket ${row.ticket_id} carries external reference ${row.system} ${row.external_id}, which is kept for ${row.owner ? `ticket ${row.owner}` : 'nobody'}`,
    );
  }
}
