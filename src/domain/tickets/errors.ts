import { DomainError } from '../../foundation/errors.ts';

/** No such ticket, or none that this caller may know of. */
export class TicketNotFound extends DomainError {
  constructor(ticketId: string, field = 'ticket_id') {
    super('not_found', 'TICKET_NOT_FOUND', `${field}: there is no ticket ${ticketId}`, { facts: { ticket_id: ticketId } });
  }
}

/** The caller sees the ticket but may not make this change to it. */
export class TicketChangeDenied extends DomainError {
  constructor(ticketId: string, rule: string) {
    super('permission_denied', 'PERMISSION_DENIED', `ticket ${ticketId}: ${rule}`, { facts: { ticket_id: ticketId } });
  }
}

/** The user already has a pending ticket in this group, and the caller asked for at most one. */
export class TicketAlreadyPendingForUser extends DomainError {
  constructor(userId: string, existing: { readonly ticketId: string; readonly key: string }) {
    super('already_exists', 'TICKET_ALREADY_PENDING_FOR_USER', `user_id: user ${userId} already has the pending ticket ${existing.key} in this group`, {
      facts: { ticket_id: existing.ticketId, key: existing.key },
    });
  }
}

/** Another ticket carries this outside identifier; it is named to those who may see it. */
export class ExternalReferenceTaken extends DomainError {
  constructor(reference: { readonly system: string; readonly id: string }, existing: { readonly ticketId: string; readonly key: string } | undefined) {
    const { system, id } = reference;
    super(
      'already_exists',
      'EXTERNAL_REFERENCE_TAKEN',
      `external_references: ${system} ${id} belongs to ${existing ? `ticket ${existing.key}` : 'another ticket'}`,
      {
        facts: { system, id, ...(existing ? { ticket_id: existing.ticketId, key: existing.key } : {}) },
      },
    );
  }
}

/** The status cannot move that way. */
export class IllegalStatusChange extends DomainError {
  constructor(ticketId: string, from: string, to: string) {
    super('failed_precondition', 'ILLEGAL_STATUS_CHANGE', `status: ticket ${ticketId} cannot move from ${from} to ${to}`, {
      facts: { ticket_id: ticketId, from, to },
    });
  }
}

/** A cancelled ticket is final. */
export class TicketCancelled extends DomainError {
  constructor(ticketId: string) {
    super('failed_precondition', 'TICKET_CANCELLED', `status: ticket ${ticketId} is cancelled, which is final`, { facts: { ticket_id: ticketId } });
  }
}

/** Only a ticket that is pending, and stays so, changes its agent or group. */
export class TicketNotPending extends DomainError {
  constructor(ticketId: string, field: string, rule: string) {
    super('failed_precondition', 'TICKET_NOT_PENDING', `${field}: ${rule}`, {
      facts: { ticket_id: ticketId, field },
      violations: [{ field, description: rule }],
    });
  }
}

/** The named agent is no member of the ticket's group. */
export class AgentNotInGroup extends DomainError {
  constructor(agentId: string, groupId: string) {
    super('failed_precondition', 'AGENT_NOT_IN_GROUP', `agent_id: ${agentId} is not a member of group ${groupId}`, {
      facts: { agent_id: agentId, group_id: groupId },
    });
  }
}

/** The named agent is deactivated. */
export class AgentInactive extends DomainError {
  constructor(agentId: string) {
    super('failed_precondition', 'AGENT_INACTIVE', `agent_id: ${agentId} is not active`, { facts: { agent_id: agentId } });
  }
}

/** One call may change this many tickets and no more. */
export class TooManyTickets extends DomainError {
  constructor(field: string, limit: number) {
    super('invalid_argument', 'TOO_MANY_TICKETS', `${field}: matches more than ${limit} tickets`, {
      facts: { limit: String(limit) },
      violations: [{ field, description: `must match at most ${limit} tickets` }],
    });
  }
}

/** No plan of this caller has this token, or its time is over. */
export class PlanNotFound extends DomainError {
  constructor() {
    super('not_found', 'PLAN_NOT_FOUND', 'plan_token: there is no such plan any more; ask for another', {
      violations: [{ field: 'plan_token', description: 'must be of a plan that is still kept' }],
    });
  }
}

/** What was planned cannot be carried out exactly any more. */
export class PlanOutdated extends DomainError {
  constructor(changed: readonly string[]) {
    super('aborted', 'PLAN_OUTDATED', `plan_token: since it was planned there have changed: ${changed.join(', ')}`, { facts: { changed: changed.join(', ') } });
  }
}

/** The free attributes take more room than a ticket may have. */
export class AttributesTooLarge extends DomainError {
  constructor(field: string, limitBytes: number) {
    super('invalid_argument', 'ATTRIBUTES_TOO_LARGE', `${field}: is larger than ${limitBytes} bytes of JSON`, {
      facts: { limit_bytes: String(limitBytes) },
      violations: [{ field, description: `must be at most ${limitBytes} bytes of JSON` }],
    });
  }
}

/** The answer would be larger than clients accept. */
export class ResponseTooLarge extends DomainError {
  constructor(limitBytes: number) {
    super('resource_exhausted', 'RESPONSE_TOO_LARGE', `the answer would be larger than ${limitBytes} bytes; ask for fewer tickets`, {
      facts: { limit_bytes: String(limitBytes) },
    });
  }
}

/** The number is not one of this ticket's decisions. */
export class DecisionNotFound extends DomainError {
  constructor(ticketId: string, sequence: bigint) {
    super('not_found', 'DECISION_NOT_FOUND', `sequence: ${sequence} is not a decision about ticket ${ticketId}`, {
      facts: { ticket_id: ticketId, sequence: String(sequence) },
    });
  }
}

/** What the version said was erased, so it cannot be said again. */
export class VersionErased extends DomainError {
  constructor(ticketId: string, version: bigint, fields: readonly string[]) {
    super(
      'failed_precondition',
      'VERSION_ERASED',
      `version: ${fields.join(', ')} of version ${version} of ticket ${ticketId} ${fields.length === 1 ? 'was' : 'were'} erased and cannot be restored`,
      { facts: { ticket_id: ticketId, version: String(version), fields: fields.join(',') } },
    );
  }
}
