import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Ticket } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import { CreateTicketRequestSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { type DocketClient, reasonOf, violationsOf } from '../../../client/index.ts';
import { deriveId, type Prepared, type RowFault } from '../../../domain/imports/index.ts';
import { eachOf } from './each-of.ts';

/** A record with its ticket. `sendable` is false in a dry run for a group or an agent that would be made first: then only this side can check. */
export type Sendable = Prepared & { readonly sendable: boolean };

/** What became of one record. */
export type Outcome =
  | { readonly kind: 'created'; readonly ticket: Ticket }
  /** An earlier import made the ticket, or the user has one already where only one is wanted. */
  | { readonly kind: 'there' }
  | { readonly kind: 'failed'; readonly faults: readonly RowFault[] };

/** How records are sent. */
export interface Sending {
  readonly client: DocketClient;
  readonly dryRun: boolean;
  /** Kept in the audit log. */
  readonly reason: string;
  /** By the service's clock: what it has created before then was there already. */
  readonly beginTimeMs: number;
}

/** Single calls under way at once when a batch was refused: the service gathers them into few commits. */
const SINGLES_AT_ONCE = 64;

/** Failures that lie in a row; all others end the import. */
const rowCodes: ReadonlySet<Code> = new Set([Code.InvalidArgument, Code.AlreadyExists, Code.NotFound, Code.FailedPrecondition]);

/** Refusals that mean that the row has its ticket. REQUEST_ID_REUSED: the ticket of this row, made when the row read otherwise. */
const thereReasons: ReadonlySet<string> = new Set(['EXTERNAL_REFERENCE_TAKEN', 'TICKET_ALREADY_PENDING_FOR_USER', 'REQUEST_ID_REUSED']);

/**
 * Creates the tickets of records in their order, and answers in that order. One batch does if all is well. If it
 * is refused its rows are sent one by one, side by side, so that only the bad ones fail.
 * Repeating it changes nothing: batches and tickets have request ids made of what they hold.
 * @throws ConnectError for what lies in no row: a missing permission, a service that is away.
 */
export async function send(sending: Sending, prepared: readonly Sendable[]): Promise<Outcome[]> {
  const outcomes = prepared.map(({ faults, sendable }): Outcome | undefined => {
    if (faults.length > 0) return { kind: 'failed', faults };
    // What only this side can check has passed with that.
    return sendable ? undefined : { kind: 'created', ticket: unmade };
  });
  const open = prepared.flatMap((item, at) => (outcomes[at] === undefined ? [{ item, at }] : []));
  if (open.length === 0) return outcomes as Outcome[];
  const together = await sendBatch(
    sending,
    open.map(({ item }) => item),
  );
  for (const [index, { at }] of open.entries()) outcomes[at] = together?.[index];
  if (!together) {
    await eachOf(open, SINGLES_AT_ONCE, async ({ item, at }) => {
      outcomes[at] = await sendOne(sending, item);
    });
  }
  return outcomes as Outcome[];
}

/** The ticket of a dry run. */
const unmade = { agentId: '', groupId: '' } as Ticket;

/** Undefined when some row is refused. */
async function sendBatch(sending: Sending, items: readonly Prepared[]): Promise<Outcome[] | undefined> {
  const { client, dryRun: validateOnly, reason } = sending;
  const requests = items.map(({ ticket }) => ticket);
  try {
    const { tickets } = await client.tickets.batchCreateTickets({ requests, validateOnly, reason, requestId: batchId(items) });
    return tickets.map((ticket) => outcomeOf(sending, ticket));
  } catch (error) {
    if (!isOfRow(error)) throw error;
    // To ask about a batch is another request than to send it: its id says that exactly this batch was sent before.
    return validateOnly && reasonOf(error) === 'REQUEST_ID_REUSED' ? items.map(() => ({ kind: 'there' })) : undefined;
  }
}

/** The same rows with the same contents make the same batch. */
function batchId(items: readonly Prepared[]): string {
  const hash = createHash('sha256');
  for (const { record, ticket } of items) hash.update(record.requestId).update(toBinary(CreateTicketRequestSchema, ticket));
  return deriveId(['batch', hash.digest('hex')]);
}

async function sendOne(sending: Sending, { record, ticket }: Prepared): Promise<Outcome> {
  const { client, dryRun: validateOnly, reason } = sending;
  const request = create(CreateTicketRequestSchema, { ...ticket, validateOnly, reason, requestId: record.requestId });
  try {
    const answer = await client.tickets.createTicket(request);
    return outcomeOf(sending, answer.ticket);
  } catch (error) {
    if (!isOfRow(error)) throw error;
    const why = reasonOf(error) ?? Code[error.code];
    if (thereReasons.has(why)) return { kind: 'there' };
    const [violation] = violationsOf(error);
    return {
      kind: 'failed',
      faults: [{ line: record.line, field: violation?.field ?? '', value: '', reason: why, message: violation?.description ?? error.rawMessage }],
    };
  }
}

function outcomeOf({ beginTimeMs }: Sending, ticket: Ticket = unmade): Outcome {
  const { seconds, nanos } = ticket.createTime ?? { seconds: 0n, nanos: 0 };
  const createdMs = Number(seconds) * 1000 + nanos / 1e6;
  return createdMs >= beginTimeMs ? { kind: 'created', ticket } : { kind: 'there' };
}

const isOfRow = (error: unknown): error is ConnectError => error instanceof ConnectError && rowCodes.has(error.code);
