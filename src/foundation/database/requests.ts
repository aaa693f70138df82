import type { ActorKind, Intent } from '../context.ts';
import { newId } from '../ids.ts';
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
  readonly answer: Uint8Array;
}

/** A change about to be written: its row makes the audit trigger believe in its origin. */
export interface NewRequest {
  readonly requestKey: string;
  readonly origin: Origin;
  readonly answer: Uint8Array | undefined;
}

/** Another transaction recorded the same request id between our look and our write: start over. */
export class RequestRaced extends Error {
  override readonly name = 'RequestRaced';
}

/** The name of one caller's one intended change. */
export const requestName = (actor: string, requestId: string): string => `${requestId.toLowerCase()} ${actor}`;

/** What is on record for the given callers and request ids, by `requestName`. Records live 30 days. */
export async function findRequests(sql: Sql, origins: readonly Origin[]): Promise<Map<string, RecordedRequest>> {
  const named = origins.filter((origin) => origin.intent.requestId !== undefined);
  if (named.length === 0) return new Map();
  const rows = await sql<{ actor: string; request_id: string; body_hash: Uint8Array; answer: Uint8Array }>(
    `SELECT r.actor, r.request_id, r.body_hash, r.answer
     FROM unnest($1::text[], $2::uuid[]) AS wanted(actor, request_id)
     JOIN requests r USING (actor, request_id)`,
    [named.map((origin) => origin.actor), named.map((origin) => origin.intent.requestId)],
  );
  return new Map(rows.map((row) => [requestName(row.actor, row.request_id), { bodyHash: row.body_hash, answer: row.answer }]));
}

/**
 * Records requests in the current transaction, ordered by caller and id so that two transactions
 * with the same ids wait for each other instead of deadlocking. Throws `RequestRaced` when one of
 * them was recorded meanwhile.
 */
export async function recordRequests(sql: Sql, requests: readonly NewRequest[]): Promise<void> {
  if (requests.length === 0) return;
  const rows = await sql(
    `INSERT INTO requests (request_key, actor, actor_kind, rpc, request_id, reason, body_hash, answer)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bytea[], $8::bytea[])
       AS new(request_key, actor, actor_kind, rpc, request_id, reason, body_hash, answer)
     ORDER BY new.actor, new.request_id
     ON CONFLICT (actor, request_id) WHERE request_id IS NOT NULL DO NOTHING
     RETURNING 1`,
    [
      requests.map((request) => request.requestKey),
      requests.map((request) => request.origin.actor),
      requests.map((request) => request.origin.actorKind),
      requests.map((request) => request.origin.rpc),
      requests.map((request) => request.origin.intent.requestId ?? null),
      requests.map((request) => request.origin.intent.reason),
      requests.map((request) => Buffer.from(request.origin.intent.bodyHash)),
      requests.map((request) => (request.answer ? Buffer.from(request.answer) : null)),
    ],
  );
  if (rows.length < requests.length) throw new RequestRaced('a request id was recorded by another transaction');
}

/** Keeps the answer of a request recorded earlier in the same transaction. */
export async function keepAnswer(sql: Sql, requestKey: string, answer: Uint8Array): Promise<void> {
  await sql('UPDATE requests SET answer = $2 WHERE request_key = $1', [requestKey, Buffer.from(answer)]);
}

/** From here to the end of the transaction, changes that carry no request of their own belong to this one; '' ends that. */
export async function nameRequest(sql: Sql, requestKey: string): Promise<void> {
  await sql(`SELECT set_config('docket.request', $1, true)`, [requestKey]);
}

/** Records one request without an idempotency id and names it for the whole transaction: for commands outside the RPC layer. */
export async function withRequest(sql: Sql, origin: Omit<Origin, 'intent'> & { readonly reason: string }): Promise<string> {
  const requestKey = newId();
  const intent: Intent = { requestId: undefined, bodyHash: new Uint8Array(), validateOnly: false, reason: origin.reason };
  await recordRequests(sql, [{ requestKey, origin: { ...origin, intent }, answer: undefined }]);
  await nameRequest(sql, requestKey);
  return requestKey;
}
