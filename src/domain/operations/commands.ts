import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { CancelOperationResponseSchema } from '../../../gen/ticketing/v1/operation_service_pb.ts';
import { loneCommand } from '../../foundation/commands/lone.ts';
import type { Caller } from '../../foundation/context.ts';
import { assertEtag } from '../../foundation/etag.ts';
import { RUN_OPERATION } from './accept.ts';
import { OperationEnded } from './errors.ts';
import { toOperation } from './message.ts';
import { endOperation, findOperation, lockOperation } from './progress.ts';
import { assertVisible } from './queries.ts';

/** Ends an operation before its next chunk; one that is under way is waited for. */
export const cancelOperation = loneCommand<
  { readonly operationId: string; readonly etag: string; readonly caller: Caller },
  typeof CancelOperationResponseSchema
>({
  name: 'CancelOperation',
  answer: CancelOperationResponseSchema,
  async plan(unit, { operationId, etag, caller }) {
    const operation = assertVisible(await lockOperation(unit, operationId), operationId, caller);
    assertEtag('operation', operationId, etag, operation.version);
    if (operation.state !== 'RUNNING') throw new OperationEnded(operationId, operation.state);
    return {
      answer: { operation: toOperation({ ...operation, state: 'CANCELLED', update_time: unit.now, end_time: unit.now }) },
      async write() {
        await endOperation(unit, operationId, 'CANCELLED');
        const ended = await findOperation(unit.sql, operationId);
        return ended && { operation: toOperation(ended) };
      },
    };
  },
});

/** Ends an operation whose steps keep failing for a reason that nobody foresaw; the log of the service holds it. */
export const giveUpOperation = loneCommand<{ readonly operationId: string }, typeof StringValueSchema>({
  name: 'GiveUpOperation',
  answer: StringValueSchema,
  async plan(unit, { operationId }) {
    const operation = await lockOperation(unit, operationId);
    if (operation?.state !== 'RUNNING') return { answer: { value: '' } };
    return {
      answer: { value: '' },
      async write() {
        await endOperation(unit, operationId, 'FAILED', { reason: 'INTERNAL', message: 'its next chunk failed again and again for an unforeseen reason' });
        return undefined;
      },
    };
  },
});

/** Leaves operations to the job that carries them on, each once more. */
export const resumeOperationsCommand = loneCommand<{ readonly operationIds: readonly string[] }, typeof StringValueSchema>({
  name: 'ResumeOperations',
  answer: StringValueSchema,
  async plan(unit, { operationIds }) {
    return {
      answer: { value: '' },
      async write() {
        for (const operationId of operationIds) await unit.enqueue(RUN_OPERATION, { operationId });
        return undefined;
      },
    };
  },
});
