import { fromBinary } from '@bufbuild/protobuf';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import type { Ticket } from '../../gen/ticketing/v1/ticket_pb.ts';
import { BatchCreateTicketsResponseSchema, CreateTicketResponseSchema } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import type { OwnPostgres } from '../support/fleet/postgres.ts';
import type { Beliefs, Floor } from './callers.ts';
import type { Intent, Ledger } from './ledger.ts';

interface StoredTicket {
  readonly ticket_id: string;
  readonly key: string;
  readonly group_id: string;
  readonly user_id: string;
  readonly description: string;
  readonly title: string;
  readonly status: number;
}

interface StoredRequest {
  readonly request_id: string;
  readonly request_key: string;
  readonly answer: Buffer;
}

const SOME = 10;

/** Holds what the callers were told against what the database has: what differs, in words; nothing when all is well. */
export async function compare(postgres: OwnPostgres, ledger: Ledger, floor: Floor, beliefs: readonly Beliefs[]): Promise<string[]> {
  const tickets = await postgres.sql<StoredTicket>(`SELECT ticket_id, key, group_id, user_id, description, title, status FROM docket.tickets`);
  const requests = await postgres.sql<StoredRequest>(`SELECT request_id, request_key, answer FROM docket.requests WHERE request_id IS NOT NULL`);
  const wrong = [
    ...compareTickets(tickets, ledger.intents, requests),
    ...compareRequests(requests, ledger.intents),
    ...(await compareFirstAgents(postgres, ledger.intents, requests)),
    ...compareTicketBeliefs(tickets, beliefs),
    ...(await comparePeople(postgres, beliefs)),
    ...(await findUnlawful(postgres, floor)),
  ];
  return wrong.length > SOME ? [...wrong.slice(0, SOME), `… and ${wrong.length - SOME} more`] : wrong;
}

/** The new tickets that an acknowledged answer told of. */
function ticketsOf({ rpc, answer }: Intent): Ticket[] {
  if (!answer) return [];
  if (rpc === 'CreateTicket') return [fromBinary(CreateTicketResponseSchema, answer).ticket].flatMap((ticket) => ticket ?? []);
  return rpc === 'BatchCreateTickets' ? fromBinary(BatchCreateTicketsResponseSchema, answer).tickets : [];
}

/** Acknowledged ones are there once and as acknowledged, refused ones are not, the others whole or not at all. */
function compareTickets(stored: readonly StoredTicket[], intents: readonly Intent[], requests: readonly StoredRequest[]): string[] {
  const wrong: string[] = [];
  const byMark = Map.groupBy(stored, (ticket) => ticket.description);
  const recorded = new Set(requests.map((request) => request.request_id));
  for (const intent of intents) {
    const found = intent.marks.flatMap((mark) => byMark.get(mark) ?? []);
    const isThere = recorded.has(intent.requestId);
    if (found.length !== (isThere ? intent.marks.length : 0))
      wrong.push(`${intent.rpc} ${intent.requestId} (${intent.ending}): ${found.length} of ${intent.marks.length} tickets are there`);
    for (const [at, told] of ticketsOf(intent).entries()) {
      const [kept] = byMark.get(intent.marks[at] ?? '') ?? [];
      const same = kept?.ticket_id === told.ticketId && kept.key === told.key && kept.group_id === told.groupId && kept.user_id === String(told.userId);
      if (!same) wrong.push(`${told.key} was acknowledged as ${told.ticketId} of user ${told.userId}, and is ${JSON.stringify(kept)}`);
    }
  }
  const marks = new Set(intents.flatMap((intent) => intent.marks));
  for (const ticket of stored) if (!marks.has(ticket.description)) wrong.push(`nobody asked for ${ticket.key}`);
  return wrong;
}

/** What was acknowledged is on record word for word; what was refused is not. */
function compareRequests(requests: readonly StoredRequest[], intents: readonly Intent[]): string[] {
  const byId = new Map(requests.map((request) => [request.request_id, request]));
  const wrong = intents.flatMap(({ requestId, rpc, ending, answer }) => {
    const kept = byId.get(requestId);
    if (ending === 'refused' && kept) return [`${rpc} ${requestId} was refused, and is on record`];
    if (ending === 'acknowledged' && !kept) return [`${rpc} ${requestId} was acknowledged, and is not on record`];
    if (ending === 'acknowledged' && answer && !kept?.answer.equals(answer)) return [`${rpc} ${requestId} was answered otherwise than is on record`];
    return [];
  });
  const known = new Set(intents.map((intent) => intent.requestId));
  return [...wrong, ...requests.filter((request) => !known.has(request.request_id)).map((request) => `nobody made the request ${request.request_id}`)];
}

/** The agent that a creation was answered with is the one that its own decision chose. */
async function compareFirstAgents(postgres: OwnPostgres, intents: readonly Intent[], requests: readonly StoredRequest[]): Promise<string[]> {
  const decisions = await postgres.sql<{ ticket_id: string; agent_id: string; request_key: string }>(
    `SELECT ticket_id, agent_id, request_key FROM docket.assignment_decisions WHERE kind = 'CREATE'`,
  );
  const chosen = Map.groupBy(decisions, (decision) => decision.ticket_id);
  const keys = new Map(requests.map((request) => [request.request_id, request.request_key]));
  return intents.flatMap((intent) =>
    ticketsOf(intent).flatMap((ticket) => {
      const [decision, ...others] = chosen.get(ticket.ticketId) ?? [];
      const same = others.length === 0 && (decision?.agent_id ?? '') === ticket.agentId && (!decision || decision.request_key === keys.get(intent.requestId));
      return same ? [] : [`${ticket.key} was acknowledged with agent '${ticket.agentId}', decided was ${JSON.stringify([decision, ...others])}`];
    }),
  );
}

function compareTicketBeliefs(stored: readonly StoredTicket[], beliefs: readonly Beliefs[]): string[] {
  const byId = new Map(stored.map((ticket) => [ticket.ticket_id, ticket]));
  return beliefs.flatMap(({ tickets }) =>
    [...tickets].flatMap(([ticketId, { title, resolved }]) => {
      const kept = byId.get(ticketId);
      if (kept && kept.title === title && kept.status > 3 === resolved) return [];
      return [`${kept?.key ?? ticketId} should be '${title}', ${resolved ? 'resolved' : 'pending'}, and is ${JSON.stringify(kept)}`];
    }),
  );
}

async function comparePeople(postgres: OwnPostgres, beliefs: readonly Beliefs[]): Promise<string[]> {
  const away = new Set((await postgres.sql<{ agent_id: string }>(`SELECT agent_id FROM docket.agents WHERE availability = 'AWAY'`)).map((row) => row.agent_id));
  const members = new Set((await postgres.sql<{ name: string }>(`SELECT group_id || ' ' || agent_id AS name FROM docket.memberships`)).map((row) => row.name));
  return beliefs.flatMap(({ availability, members: believed }) => [
    ...[...availability]
      .filter(([agentId, last]) => away.has(agentId) !== (last === Availability.AWAY))
      .map(([agentId, last]) => `${agentId} should be ${last}`),
    ...[...believed]
      .filter(([name, joined]) => members.has(name) !== joined)
      .map(([name, joined]) => `the membership ${name} should ${joined ? 'be there' : 'be gone'}`),
  ]);
}

/** What the rules forbid, whatever the callers were told. */
async function findUnlawful(postgres: OwnPostgres, floor: Floor): Promise<string[]> {
  const doubles = await postgres.sql<{ what: string }>(
    `SELECT 'user ' || user_id || ' has two pending tickets in the group that allows one' AS what FROM docket.tickets WHERE group_id = $1 AND status <= 3 GROUP BY user_id HAVING count(*) > 1
     UNION ALL SELECT 'two tickets are called ' || key FROM docket.tickets GROUP BY key HAVING count(*) > 1
     UNION ALL SELECT 'two tickets stand for the outside identifier ' || (r ->> 'id') FROM docket.tickets, jsonb_array_elements(external_references) r GROUP BY r ->> 'system', r ->> 'id' HAVING count(*) > 1
     UNION ALL SELECT 'a request id has two rows' FROM docket.requests WHERE request_id IS NOT NULL GROUP BY actor, request_id HAVING count(*) > 1`,
    [floor.once],
  );
  const spreads = await postgres.sql<{ day: string; spread: number }>(
    `SELECT day::text, max(won) - min(won) AS spread FROM (
       SELECT d.day, m.agent_id, (SELECT count(*)::integer FROM docket.assignment_decisions a WHERE a.agent_id = m.agent_id AND a.business_day = d.day) AS won
       FROM docket.memberships m, (SELECT DISTINCT business_day AS day FROM docket.assignment_decisions WHERE group_id = $1) d WHERE m.group_id = $1) counts
     GROUP BY day HAVING max(won) - min(won) > 1`,
    [floor.hot],
  );
  return [...doubles.map((row) => row.what), ...spreads.map(({ day, spread }) => `in the hot pool some agent won ${spread} more than another on ${day}`)];
}
