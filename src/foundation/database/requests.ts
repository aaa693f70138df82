import type { Instant } from '../clock.ts';
import type { ActorKind, Intent } from '../context.ts';
import { newId } from '../ids.ts';
import { arrayText } from './array-text.ts';
import { prepared } from './prepared.ts';
import type { Sql } from './sql.ts';

/** Who asked for a change, through which method, and what he said about it. */
export interface Origin {
  readonly actor: string;
  readonly actorKind: ActorKind;
  readonly rpc: string;
  readonly intent: Intent;
}

/** An earlier change with the same caller and request id. */
export interface RecordedRequest {
  readonly bodyHash: Uint8Array;
  /** Null once it was erased. */
  readonly answer: Uint8Array | null;
}

/** A change about to be written: its row makes the audit trigger believe in its origin. */
export interface NewRequest {
  readonly requestKey: string;
  readonly origin: Origin;
  readonly answer: Uint8Array | undefined;
}

/** The name of one caller's one intended change. */
export const requestName = (actor: string, requestId: string): string => `${requestId.toLowerCase()} ${actor}`;

const FIND_REQUESTS = prepared(
  `SELECT r.actor, r.request_id, r.body_hash, r.answer
   FROM unnest($1::text[], $2::uuid[]) AS wanted(actor, request_id)
   CROSS JOIN LATERAL (SELECT * FROM requests q WHERE q.actor = wanted.actor AND q.request_id = wanted.request_id AND q.operation_id IS NULL OFFSET 0) r`,
);

/** What is on record for the given callers and request ids, by `requestName`. Records live 30 days. */
export async function findRequests(sql: Sql, origins: readonly Origin[]): Promise<Map<string, RecordedRequest>> {
  const named = origins.filter((origin) => origin.intent.requestId !== undefined);
  if (named.length === 0) return new Map();
  const rows = await sql<{ actor: string; request_id: string; body_hash: Uint8Array; answer: Uint8Array | null }>(FIND_REQUESTS, [
    named.map((origin) => origin.actor),
    arrayText(named.map((origin) => origin.intent.requestId ?? null)),
  ]);
  return new Map(rows.map((row) => [requestName(row.actor, row.request_id), { bodyHash: row.body_hash, answer: row.answer }]));
}

// In one order everywhere, so that two transactions with the same ids wait for each other instead of deadlocking.
const RECORD_REQUESTS = prepared(
  `INSERT INTO requests (request_key, actor, actor_kind, rpc, request_id, reason, body_hash, answer, time)
   SELECT new.*, coalesce($9::timestamptz, docket_now()) FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bytea[], $8::bytea[])
     AS new(request_key, actor, actor_kind, rpc, request_id, reason, body_hash, answer)
   ORDER BY new.actor, new.request_id`,
);

/**
 * Records requests in the current transaction, as of the time of its unit of work or, without one, as of now; answers what `run` does. When another one recorded the same caller and id since we looked,
 * the transaction fails with a unique violation: started over, it finds the answer.
 */
export function recordRequests<T>(run: (text: string, values: readonly unknown[]) => T, requests: readonly NewRequest[], time: Instant | undefined): T {
  return run(RECORD_REQUESTS, [
    arrayText(requests.map((request) => request.requestKey)),
    requests.map((request) => request.origin.actor),
    arrayText(requests.map((request) => request.origin.actorKind)),
    arrayText(requests.map((request) => request.origin.rpc)),
    arrayText(requests.map((request) => request.origin.intent.requestId ?? null)),
    requests.map((request) => request.origin.intent.reason),
    requests.map((request) => request.origin.intent.bodyHash),
    requests.map((request) => request.answer ?? null),
    time ?? null,
  ]);
}

/** Keeps the answer of a request recorded earlier in the same transaction: its key, the answer. */
export const KEEP_ANSWER = 'UPDATE requests SET answer = $2 WHERE request_key = $1';

/** From here to the end of the transaction, changes that carry no request of their own belong to this one; '' ends that. */
export const NAME_REQUEST = `SELECT set_config('docket.request', $1, true)`;

/** Records one request without an idempotency id and names it for the whole transaction: for commands outside the RPC layer. */
export async function withRequest(sql: Sql, origin: Omit<Origin, 'intent'> & { readonly reason: string }): Promise<string> {
  const requestKey = newId();
  const intent: Intent = { requestId: undefined, bodyHash: new Uint8Array(), validateOnly: false, reason: origin.reason };
  await recordRequests(sql, [{ requestKey, origin: { ...origin, intent }, answer: undefined }], undefined);
  await sql(NAME_REQUEST, [requestKey]);
  return requestKey;
}

/** Makes a request recorded earlier in the same transaction a chunk of an operation, under the operation's request id: its key, the operation, the id. */
export const NAME_OPERATION = prepared('UPDATE requests SET operation_id = $2, request_id = $3 WHERE request_key = $1');
