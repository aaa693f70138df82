import { defineEvent } from '../../foundation/commands/events.ts';

/** Most tickets that one transaction moves, deals out or cancels; what is left follows in a job. */
export const TICKETS_PER_STEP = 1000;

/** A group's policy changed, or it became active or came back: waiting tickets may now find somebody. */
export interface GroupRulesChanged {
  readonly groupId: string;
}

/** See `GroupRulesChanged`. */
export const groupRulesChanged = defineEvent<GroupRulesChanged>('groups.rules_changed');

/** What becomes of the pending tickets of a group that closes: they move to another group, or are cancelled. */
export type Disposal = { readonly moveTo: string } | 'cancel';

/**
 * A group closes and takes no tickets any more. Whoever answers disposes of at most `TICKETS_PER_STEP`
 * of its pending tickets, and says in `left` how many there still are.
 */
export interface GroupClosed {
  readonly groupId: string;
  readonly disposal: Disposal;
  left: number;
}

/** See `GroupClosed`. */
export const groupClosed = defineEvent<GroupClosed>('groups.closed');
