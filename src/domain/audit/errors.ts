import { DomainError } from '../../foundation/errors.ts';

/** No such audit entry, or its month is no longer kept. */
export class AuditEntryNotFound extends DomainError {
  constructor(entryId: string) {
    super('not_found', 'AUDIT_ENTRY_NOT_FOUND', `no audit entry has the id ${entryId}`, { facts: { audit_entry: entryId } });
  }
}

/** The entry has no seal yet: it is made a second or two after the change. */
export class AuditEntryNotSealed extends DomainError {
  constructor(entryId: string) {
    super('failed_precondition', 'AUDIT_ENTRY_NOT_SEALED', `the audit entry ${entryId} is not sealed yet`, { facts: { audit_entry: entryId } });
  }
}
