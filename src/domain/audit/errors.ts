import type { Instant } from '../../foundation/clock.ts';
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

/** A text that is none of the checkpoints that Docket writes. */
export class CheckpointMalformed extends DomainError {
  constructor(field: string, fault: string) {
    super('invalid_argument', 'CHECKPOINT_MALFORMED', `${field}: must be a line that Docket wrote as a checkpoint: ${fault}`, {
      violations: [{ field, description: `must be a line that Docket wrote as a checkpoint: ${fault}` }],
      facts: { field },
    });
  }
}

/** The log has no such sequence yet, so nothing can come after it. */
export class SequenceNotReached extends DomainError {
  constructor(sequence: number, last: number) {
    super('out_of_range', 'SEQUENCE_NOT_REACHED', `the log ends with sequence ${last}, before ${sequence}`, {
      facts: { last_sequence: String(last), sequence: String(sequence) },
    });
  }
}

/** The instant lies in months that are no longer kept, so what was then cannot be told for certain. */
export class HistoryDropped extends DomainError {
  constructor(keptFrom: Instant) {
    const from = keptFrom.replace(' ', 'T').replace(/\+00$/, 'Z');
    super('out_of_range', 'HISTORY_DROPPED', `as_of: the audit log is kept from ${from} on`, { facts: { field: 'as_of', kept_from_time: from } });
  }
}

/** No such version of a thing, none that the caller may see, or none that the log still tells of. */
export class VersionNotFound extends DomainError {
  constructor(entityType: string, entityId: string, version: bigint, field: string) {
    super('not_found', 'VERSION_NOT_FOUND', `${field}: the ${entityType} ${entityId} has no version ${version} that could be told of`, {
      facts: { field, entity_id: entityId, version: String(version) },
    });
  }
}
