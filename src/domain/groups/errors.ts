import { DomainError } from '../../foundation/errors.ts';

/** No such group, or none that the caller may see. */
export class GroupNotFound extends DomainError {
  constructor(groupId: string) {
    super('not_found', 'GROUP_NOT_FOUND', `there is no group ${groupId}`, { facts: { group_id: groupId } });
  }
}

/** A group has this key. */
export class GroupAlreadyExists extends DomainError {
  constructor(key: string, groupId: string) {
    super('already_exists', 'GROUP_ALREADY_EXISTS', `group.key: group ${groupId} has the key ${key}`, { facts: { key, group_id: groupId } });
  }
}

/** A deleted group has this key; keys are never reused. */
export class GroupDeletedExists extends DomainError {
  constructor(key: string, groupId: string) {
    super('already_exists', 'GROUP_DELETED_EXISTS', `group.key: the deleted group ${groupId} has the key ${key}; UndeleteGroup brings it back`, {
      facts: { key, group_id: groupId },
    });
  }
}

/** The group is deleted. */
export class GroupDeleted extends DomainError {
  constructor(groupId: string) {
    super('failed_precondition', 'GROUP_DELETED', `the group ${groupId} is deleted`, { facts: { group_id: groupId } });
  }
}

/** The group to bring back is not deleted. */
export class GroupNotDeleted extends DomainError {
  constructor(groupId: string) {
    super('failed_precondition', 'GROUP_NOT_DELETED', `the group ${groupId} is not deleted`, { facts: { group_id: groupId } });
  }
}

/** The group takes no tickets. */
export class GroupInactive extends DomainError {
  constructor(groupId: string) {
    super('failed_precondition', 'GROUP_INACTIVE', `the group ${groupId} is not active`, { facts: { group_id: groupId } });
  }
}

/** The group to delete has tickets, and nothing says what becomes of them. */
export class GroupHasPendingTickets extends DomainError {
  constructor(groupId: string, pending: number) {
    super(
      'failed_precondition',
      'GROUP_HAS_PENDING_TICKETS',
      `the group ${groupId} has ${pending} pending tickets; say where they go with move_tickets_to_group_id, or cancel them with force`,
      { facts: { group_id: groupId, pending_tickets: `${pending}` } },
    );
  }
}

/** The tickets of a deleted group cannot go there. */
export class MoveTargetInvalid extends DomainError {
  constructor(groupId: string, description: string) {
    const field = 'move_tickets_to_group_id';
    super('invalid_argument', 'MOVE_TARGET_INVALID', `${field}: ${description}`, { violations: [{ field, description }], facts: { field, group_id: groupId } });
  }
}

/** The caller may see the group, but not change it, or not in this way. */
export class GroupChangeDenied extends DomainError {
  constructor(groupId: string, rule: string) {
    super('permission_denied', 'PERMISSION_DENIED', `group ${groupId}: ${rule}`, { facts: { group_id: groupId } });
  }
}
