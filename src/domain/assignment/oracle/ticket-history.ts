import type { Report } from './history.ts';

/** What matters of a ticket's row. Status numbers are those of the contract: up to 3 it is pending. */
export interface TicketFacts {
  readonly groupId: string;
  readonly status: number;
  readonly priority: number;
  readonly agentId: string | null;
}

/** An entry of the audit log about a ticket. */
export interface TicketEntry {
  readonly entryId: number;
  readonly transactionId: string;
  readonly time: string;
  readonly old: TicketFacts | null;
  readonly new: TicketFacts | null;
  /** Whether the time of its assignment changed. */
  readonly assigned: boolean;
}

/** A decision or a release of a ticket. */
export interface TicketEvent {
  readonly sequence: number;
  readonly kind: 'CREATE' | 'WAITING' | 'REOPEN' | 'REASSIGN' | 'MANUAL' | 'RELEASE';
  readonly agentId: string;
  readonly previousAgentId: string | null;
  readonly resolved: boolean;
  readonly time: string;
  /** Null when its request is no longer on record. */
  readonly transactionId: string | null;
}

/** Everything on record about one ticket, entries and events each in their order. */
export interface TicketRecord {
  readonly ticketId: string;
  readonly entries: readonly TicketEntry[];
  readonly events: readonly TicketEvent[];
  /** Undefined when there is no such row. */
  readonly row: TicketFacts | undefined;
}

const isPending = (facts: TicketFacts): boolean => facts.status <= 3;

/** The agent on whose desk a ticket lies. */
export const deskOf = (facts: TicketFacts | null | undefined): string | null => (facts && isPending(facts) ? facts.agentId : null);

/** The group in whose line a ticket waits. */
export const lineOf = (facts: TicketFacts | null): string | undefined => (facts && isPending(facts) && facts.agentId === null ? facts.groupId : undefined);

/**
 * Holds a ticket's row, audit entries, decisions and releases against each other: it lies where the last
 * decision put it, and it changed desks only together with a decision and an entry of the same transaction.
 */
export function checkTicket({ ticketId, entries, events, row }: TicketRecord, report: Report): void {
  if (!row) {
    report('I1', `ticket ${ticketId} has ${entries.length} audit entries and ${events.length} decisions and releases, but is not there`);
    return;
  }
  const holder = holderAfter(events);
  if (deskOf(row) !== holder) {
    report(
      'I3',
      `ticket ${ticketId} is on the desk of ${deskOf(row) ?? 'nobody'}; by its decisions and releases it should be on that of ${holder ?? 'nobody'}`,
    );
    return;
  }
  const [first] = entries;
  if (!first) return;
  // Months of the log may have been dropped: what came before the first entry left cannot be compared.
  const known = first.old === null ? events : events.filter((event) => event.time >= first.time);
  const fault = matchEntries(entries, known);
  if (fault) report('I3', `ticket ${ticketId}: ${fault}`);
}

/** Who holds the ticket by its decisions and releases. A decision may come before the release of the one who loses it. */
function holderAfter(events: readonly TicketEvent[]): string | null {
  let holder: string | null = null;
  for (const event of events) {
    if (event.kind !== 'RELEASE') holder = event.agentId;
    else if (holder === event.agentId) holder = null;
  }
  return holder;
}

interface Need {
  readonly release: string | null;
  readonly decision: string | null;
  readonly events: number;
}

function needOf(entry: TicketEntry): Need {
  const from = deskOf(entry.old);
  const to = deskOf(entry.new);
  const moved = from !== to || (to !== null && entry.assigned);
  const release = moved ? from : null;
  const decision = moved ? to : null;
  return { release, decision, events: Number(release !== null) + Number(decision !== null) };
}

function matchEntries(entries: readonly TicketEntry[], events: readonly TicketEvent[]): string | undefined {
  const needs = entries.map(needOf);
  let spare = events.length - needs.reduce((sum, need) => sum + need.events, 0);
  let next = 0;
  for (const [at, entry] of entries.entries()) {
    let need = needs[at] as Need;
    const desk = deskOf(entry.new);
    // Taken from an agent and given back to him within one change: nothing shows in the row but the events.
    if (need.events === 0 && desk !== null && spare >= 2 && events[next]?.kind === 'RELEASE' && events[next]?.transactionId === entry.transactionId) {
      need = { release: desk, decision: desk, events: 2 };
      spare -= 2;
    }
    const fault = matchEntry(entry, need, events.slice(next, next + need.events));
    if (fault) return `entry ${entry.entryId} moves it from ${deskOf(entry.old) ?? 'nobody'} to ${desk ?? 'nobody'}: ${fault}`;
    next += need.events;
  }
  const left = events[next];
  return left && `${left.kind === 'RELEASE' ? 'release' : 'decision'} ${left.sequence} has no audit entry`;
}

function matchEntry(entry: TicketEntry, need: Need, events: readonly TicketEvent[]): string | undefined {
  const release = events.find((event) => event.kind === 'RELEASE');
  const decision = events.find((event) => event.kind !== 'RELEASE');
  if ((release?.agentId ?? null) !== need.release) return need.release === null ? 'a release too many' : `there is no release of ${need.release}`;
  if ((decision?.agentId ?? null) !== need.decision) return need.decision === null ? 'a decision too many' : `there is no decision for ${need.decision}`;
  const stranger = events.find((event) => event.transactionId !== null && event.transactionId !== entry.transactionId);
  if (stranger) return `event ${stranger.sequence} was made by transaction ${stranger.transactionId}, the entry by ${entry.transactionId}`;
  if (release) {
    const resolved = entry.new !== null && (entry.new.status === 4 || entry.new.status === 5);
    if (release.resolved !== resolved)
      return `release ${release.sequence} says ${release.resolved ? '' : 'not '}resolved, the entry has status ${entry.new?.status}`;
  }
  return decision && matchKind(entry, decision, release);
}

function matchKind(entry: TicketEntry, decision: TicketEvent, release: TicketEvent | undefined): string | undefined {
  const { kind, previousAgentId: previous, sequence } = decision;
  const before = entry.old === null ? 'NEW' : isPending(entry.old) ? 'PENDING' : 'FINISHED';
  const fits = { CREATE: before === 'NEW', REOPEN: before === 'FINISHED', REASSIGN: before === 'PENDING', WAITING: true, MANUAL: true, RELEASE: false }[kind];
  if (!fits) return `decision ${sequence} is a ${kind}, but the ticket was ${before}`;
  const agent = entry.old?.agentId ?? null;
  if (previous === agent) return undefined;
  // A ticket that was made to wait first comes from nobody.
  const waited = previous === null && (kind === 'WAITING' || (release !== undefined && release.sequence < sequence));
  return waited ? undefined : `decision ${sequence} names ${previous ?? 'nobody'} as the agent before, the entry ${agent ?? 'nobody'}`;
}
