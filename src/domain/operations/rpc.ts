import type { OperationService } from '../../../gen/ticketing/v1/operation_service_pb.ts';
import type { Handlers } from '../../foundation/context.ts';
import { canonicalId } from '../../foundation/request.ts';
import { lookUntil } from '../../foundation/waiting.ts';
import { cancelOperation } from './commands.ts';
import { toOperation } from './message.ts';
import { getOperation, listOperations, listOperationTickets } from './queries.ts';

/** How long WaitOperation waits when nothing is said, in milliseconds. */
const DEFAULT_WAIT_MS = 20_000;

/** OperationService: messages to commands and queries, nothing else. */
export const operationHandlers: Handlers<typeof OperationService> = {
  async getOperation({ operationId }, ctx) {
    return { operation: toOperation(await getOperation(ctx, operationId)) };
  },
  async listOperations(request, ctx) {
    const page = await listOperations(ctx, request);
    return { operations: page.items, nextPageToken: page.nextPageToken };
  },
  async listOperationTickets(request, ctx) {
    const page = await listOperationTickets(ctx, request);
    return { tickets: page.items, nextPageToken: page.nextPageToken };
  },
  async waitOperation({ operationId, timeout }, ctx) {
    const timeoutMs = timeout ? Number(timeout.seconds) * 1000 + timeout.nanos / 1e6 : DEFAULT_WAIT_MS;
    const look = () => getOperation(ctx, operationId);
    const operation = await lookUntil(look, ({ state }) => state !== 'RUNNING', { timeoutMs, signal: ctx.signal });
    return { operation: toOperation(operation) };
  },
  async cancelOperation({ operationId, etag }, ctx) {
    return ctx.carryOut(cancelOperation, { operationId: canonicalId(operationId), etag, caller: ctx.caller });
  },
};
