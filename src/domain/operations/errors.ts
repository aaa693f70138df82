import { DomainError } from '../../foundation/errors.ts';

/** No such operation, or none that this caller may know of. */
export class OperationNotFound extends DomainError {
  constructor(operationId: string) {
    super('not_found', 'OPERATION_NOT_FOUND', `operation_id: there is no operation ${operationId}`, { facts: { operation_id: operationId } });
  }
}

/** An operation that has ended cannot be cancelled. */
export class OperationEnded extends DomainError {
  constructor(operationId: string, state: string) {
    super('failed_precondition', 'OPERATION_ENDED', `the operation ${operationId} has ended: ${state}`, { facts: { operation_id: operationId, state } });
  }
}
