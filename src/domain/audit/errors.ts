import { DomainError } from '../../foundation/errors.ts';

/** No such audit entry, or its month is no longer kept. */
export class AuditEntryNotFound extends DomainError {
  constructor(entryId: string) {
    super('not_found', 'AUDIT_ENTRY_NOT_FOUND', `no audit entry has the id ${entryId}`, { facts: { audit_entry: entryId } });
  }
}
