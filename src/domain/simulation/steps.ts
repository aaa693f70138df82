import type { Policy } from '../assignment/index.ts';

/** A moment: milliseconds since 1970, with fractions where they are known. */
export type Moment = number;

/** What decides whether an agent can be given work. */
export interface AgentState {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly availability: 'AVAILABLE' | 'AWAY' | 'OFFLINE';
  readonly skills: Readonly<Record<string, number>>;
  readonly weight: number;
  readonly maxOpenTickets: number | null;
}

/** A group's rule of assignment. */
export interface GroupState {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly policy: Policy;
}

/**
 * Something that happens whatever the policy is. Tickets go by their number in the ticket book. A step leaves
 * waiting tickets where they are until `HAND_OUT`, so that what happened at once is taken in as a whole.
 */
export type Step<Ticket = number> = { readonly time: Moment } & (
  | {
      readonly type: 'ARRIVAL';
      readonly ticket: Ticket;
      readonly groupId: string;
      readonly priority: number;
      /** Somebody named him. */
      readonly agentId?: string;
      /** It goes into the line, and is given out with the others. */
      readonly waits?: true;
    }
  | { readonly type: 'END'; readonly ticket: Ticket; readonly resolved: boolean }
  | { readonly type: 'REOPENING'; readonly ticket: Ticket; readonly agentId?: string; readonly waits?: true }
  | {
      readonly type: 'CHANGE';
      readonly ticket: Ticket;
      readonly groupId?: string;
      readonly priority?: number;
      /** Somebody named him. */
      readonly agentId?: string;
      /** Its agent gave it back: the policy looks for somebody else. */
      readonly handBack?: true;
    }
  /** It leaves the line for a while: in between it was not given out. */
  | { readonly type: 'SUSPENSION'; readonly ticket: Ticket }
  /** A waiting ticket stands in its line again, as what it has become. */
  | { readonly type: 'RETURN'; readonly ticket: Ticket; readonly groupId: string; readonly priority: number }
  /** Tickets are dealt out equally, in this order, as far as each lies where `from` says (null: waits). */
  | {
      readonly type: 'DEAL';
      readonly dealId: number;
      readonly ticket: Ticket;
      readonly from: string | null;
      readonly excluded: readonly string[];
    }
  /** Agents lose everything on their desks, or everything of one group; it is dealt out equally. */
  | { readonly type: 'DESKS'; readonly agentIds: readonly string[]; readonly groupId?: string }
  | { readonly type: 'AGENT'; readonly agentId: string; readonly state: AgentState }
  | { readonly type: 'GROUP'; readonly groupId: string; readonly state: GroupState }
  | { readonly type: 'MEMBERSHIP'; readonly groupId: string; readonly agentId: string; readonly member: boolean }
  /** A business day, which began at `begins`, is on; in all groups, if none is named. */
  | { readonly type: 'DAY'; readonly day: string; readonly begins: Moment; readonly groupIds?: readonly string[] }
  /** What waits is given out where somebody may have become able to take it. */
  | { readonly type: 'HAND_OUT' }
  /** The same, at a moment at which this ticket really was given out. */
  | { readonly type: 'OFFER'; readonly ticket: Ticket }
);

/** What comes with the first word of a ticket that goes by its id. */
export interface TicketFacts {
  readonly createTime: Moment;
  /** How long work on it takes; absent where nobody knows. */
  readonly handlingMs?: number | undefined;
  /** Whether its waits are measured. */
  readonly counts: boolean;
}

/** A step as it is told from outside, where tickets go by their ids; besides, what was there when it began, and what really happened. */
export type ToldStep =
  | (Step<string> & {
      readonly facts?: TicketFacts;
      /** The place of the caller's event in its message. */
      readonly event?: number;
    })
  | {
      readonly type: 'PRESENT';
      readonly time: Moment;
      readonly ticket: string;
      readonly facts: TicketFacts;
      readonly groupId: string;
      readonly priority: number;
      readonly agentId: string | null;
      readonly pending: boolean;
      /** Since when it waits. */
      readonly waitStart: Moment | null;
    }
  | {
      readonly type: 'COUNTS';
      readonly time: Moment;
      readonly agentId: string;
      readonly assignedToday: number;
      readonly lastSequence: number;
      /** When he was present of late; the last span may still go on. */
      readonly spans: readonly { readonly from: Moment; readonly to: Moment | null }[];
      /** Handicaps of today, by group. */
      readonly handicaps: Readonly<Record<string, number>>;
    }
  /** Everything that was there has been told. */
  | { readonly type: 'OPENED'; readonly time: Moment }
  | { readonly type: 'DECIDED'; readonly time: Moment; readonly ticket: string; readonly agentId: string; readonly kind: string; readonly tieBreak: string };
