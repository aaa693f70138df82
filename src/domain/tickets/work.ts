import { type Instant, timeOfChange } from '../../foundation/clock.ts';
import type { Unit } from '../../foundation/commands/command.ts';
import { PoolsMoved } from '../../foundation/commands/unit-of-work.ts';
import {
  Assignments,
  compareWaiting,
  type Deal,
  type DecisionKind,
  isAutomatic,
  loadRoster,
  type Numbers,
  type Roster,
  type RosterAgent,
  roomOf,
  takeNumbers,
  whyLeftOut,
} from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import type { TicketRow } from './row.ts';
import { isPending, STATUS } from './rules.ts';

/**
 * Tickets being changed in one plan: rows that were locked and read, moved in memory together with the
 * roster, and written at the end by `writeTickets`. Each ticket changes at most once in a plan, so that
 * every change has its own version and its own entry in the audit log.
 */
export class TicketWork {
  readonly unit: Unit;
  readonly assignments: Assignments;
  readonly created = new Set<TicketRow>();
  readonly changed = new Set<TicketRow>();
  /** Rows at hand: loaded or created, by id. */
  readonly #rows = new Map<string, TicketRow>();
  readonly #waiting = new Set<TicketRow>();
  readonly #idsByKey = new Map<string, string>();

  constructor(unit: Unit, roster: Roster, numbers: Numbers) {
    this.unit = unit;
    this.assignments = new Assignments(roster, unit.now, numbers);
  }

  get roster(): Roster {
    return this.assignments.roster;
  }

  /** Takes note of rows that were read. */
  load(rows: readonly TicketRow[]): void {
    for (const row of rows) {
      if (this.#rows.has(row.ticket_id)) continue;
      this.#rows.set(row.ticket_id, row);
      this.#idsByKey.set(row.key, row.ticket_id);
      if (isWaiting(row)) this.#waiting.add(row);
    }
  }

  /** A row by ticket id or key. */
  find(reference: string): TicketRow | undefined {
    return this.#rows.get(reference.toLowerCase()) ?? this.#rows.get(this.#idsByKey.get(reference) ?? '');
  }

  /** Whether the ticket was already changed or created in this plan. */
  isDirty(row: TicketRow): boolean {
    return this.changed.has(row) || this.created.has(row);
  }

  /** Whether a ticket that this plan already changed waits for an agent. */
  get hasDirtyWaiting(): boolean {
    for (const row of this.#waiting) if (this.isDirty(row)) return true;
    return false;
  }

  /** Adds a new ticket. */
  add(row: TicketRow): void {
    this.created.add(row);
    this.load([row]);
  }

  /** Marks a row as changed by a request: one version up, at the unit's time. */
  touch(row: TicketRow, requestKey: string): void {
    if (this.isDirty(row)) return;
    row.version = String(BigInt(row.version) + 1n);
    row.update_time = timeOfChange(this.unit.now, row.update_time);
    row.last_request = requestKey;
    this.changed.add(row);
  }

  /** Gives a ticket to whom the policy picks; answers whether somebody took it. It was on nobody's desk, or leaves `previous`'s. */
  place(row: TicketRow, kind: Exclude<DecisionKind, 'MANUAL'>, requestKey: string): boolean {
    const previous = row.agent_id;
    const agent = this.assignments.place({ ...this.#seeker(row), kind, previousAgentId: previous, requestKey });
    if (!agent) return false;
    if (kind === 'REASSIGN' && previous) this.#release(row, previous, false, requestKey);
    this.#seat(row, agent, requestKey);
    return true;
  }

  /** Deals a ticket to the one who received the fewest; answers whether somebody took it. */
  deal(row: TicketRow, deal: Deal, requestKey: string): boolean {
    const previous = row.agent_id;
    const agent = this.assignments.deal({ ...this.#seeker(row), kind: 'REASSIGN', previousAgentId: previous, requestKey }, deal);
    if (!agent) return false;
    if (previous) this.#release(row, previous, false, requestKey);
    this.#seat(row, agent, requestKey);
    return true;
  }

  /** Gives a ticket to an agent by name. `onDesk` says whether it lies on its present agent's desk. */
  give(row: TicketRow, agent: RosterAgent, onDesk: boolean, requestKey: string): void {
    const previous = row.agent_id;
    if (onDesk && previous) this.#release(row, previous, false, requestKey);
    this.assignments.give({ ticketId: row.ticket_id, groupId: row.group_id, previousAgentId: previous, requestKey }, agent);
    this.#seat(row, agent, requestKey);
  }

  /** Gives a pending ticket to somebody else; to nobody if only its agent could take it no more either. */
  redistribute(row: TicketRow, requestKey: string): void {
    if (this.place(row, 'REASSIGN', requestKey)) return;
    const previous = row.agent_id;
    if (!previous) return;
    const group = this.roster.groups.get(row.group_id);
    const agent = this.roster.agents.get(previous);
    // With nobody else, a ticket that waits would come straight back to him: he keeps it.
    if (group && agent && isAutomatic(group) && group.members.includes(agent) && !this.#cannotKeep(agent, row)) return;
    this.unseat(row, requestKey);
  }

  /** Takes a pending ticket from its agent; it waits. */
  unseat(row: TicketRow, requestKey: string): void {
    if (!row.agent_id) return;
    this.#release(row, row.agent_id, false, requestKey);
    this.touch(row, requestKey);
    row.agent_id = null;
    if (row.status === STATUS.IN_PROGRESS) row.status = STATUS.OPEN;
    this.#wait(row);
  }

  /** A pending ticket was finished: it leaves its agent's desk, who stays on record. */
  finish(row: TicketRow, resolved: boolean, requestKey: string): void {
    this.#waiting.delete(row);
    row.wait_start_time = null;
    if (row.agent_id) this.#release(row, row.agent_id, resolved, requestKey);
  }

  /** A finished ticket is pending again, so far with nobody. */
  reopen(row: TicketRow): void {
    if (isWaiting(row)) this.#wait(row);
  }

  /** Whether giving up a ticket makes room that somebody's limit counts. */
  makesRoom(agentId: string | null): boolean {
    const agent = agentId ? this.roster.agents.get(agentId) : undefined;
    return agent?.groups.some((group) => roomOf(agent, group) !== Infinity) ?? false;
  }

  /** Gives out waiting tickets at hand, in waiting order, as far as somebody can take them. */
  handOut(requestKey: string): void {
    // Where nobody could take a ticket, nobody can take one that has relaxed no further.
    const closedTo = new Map<string, number>();
    for (const row of [...this.#waiting].sort(compareWaiting)) {
      const level = this.assignments.relaxedLevels(this.#seeker(row));
      if (level <= (closedTo.get(row.group_id) ?? -1)) continue;
      if (!this.place(row, 'WAITING', requestKey)) closedTo.set(row.group_id, level);
    }
  }

  /** Tickets that this plan made wait, or moved to another line. */
  get dirtyWaiting(): TicketRow[] {
    return [...this.#waiting].filter((row) => this.isDirty(row));
  }

  #seeker(row: TicketRow): { readonly ticketId: string; readonly groupId: string; readonly waitStart: Instant | null } {
    const began = row.wait_start_time === this.unit.now;
    return { ticketId: row.ticket_id, groupId: row.group_id, waitStart: began ? null : row.wait_start_time };
  }

  #wait(row: TicketRow): void {
    row.assign_time = null;
    row.wait_start_time = this.unit.now;
    this.#waiting.add(row);
  }

  #cannotKeep(agent: RosterAgent, row: TicketRow): boolean {
    const group = this.roster.groups.get(row.group_id);
    const reason = group && whyLeftOut(agent, group);
    // His own ticket does not make him too full for itself.
    return reason !== undefined && !(reason === 'FULL' && group && roomOf(agent, group) >= 0);
  }

  #release(row: TicketRow, agentId: string, resolved: boolean, requestKey: string): void {
    const agent = this.roster.agents.get(agentId);
    if (!agent) throw new Error(`agent ${agentId} of ticket ${row.ticket_id} is not in a pool that this unit holds`);
    this.assignments.release({ ticketId: row.ticket_id, groupId: row.group_id, requestKey }, agent, resolved);
  }

  #seat(row: TicketRow, agent: RosterAgent, requestKey: string): void {
    this.touch(row, requestKey);
    row.agent_id = agent.agentId;
    row.assign_time = this.unit.now;
    row.wait_start_time = null;
    if (row.status === STATUS.IN_PROGRESS) row.status = STATUS.OPEN;
    this.#waiting.delete(row);
  }
}

/** Pending, and on nobody's desk. */
export const isWaiting = (row: TicketRow): boolean => row.agent_id === null && isPending(row.status);

/** Numbers that placing, dealing or releasing one ticket can take: a round, a decision, a release. */
export const NUMBERS_PER_TICKET = 3;

/**
 * Opens a plan over the pools that the unit holds and rows that were read. `tickets` bounds how many it
 * may place. Holders of the rows are loaded even where they have just left the group.
 */
export async function openTicketWork(unit: Unit, tickets: number, rows: readonly TicketRow[]): Promise<TicketWork> {
  const holders = unit.pools.size === 0 ? [] : [...new Set(rows.flatMap((row) => row.agent_id ?? []))];
  const roster = await loadRoster(unit, holders);
  // Besides: a deal.
  const work = new TicketWork(unit, roster, await takeNumbers(unit, tickets * NUMBERS_PER_TICKET + 1));
  work.load(rows);
  return work;
}

/**
 * Throws `PoolsMoved`, so that the command is looked up again and starts over, when one of the tickets lies in
 * a pool that the unit does not hold: it came into sight only after the pools were looked up.
 */
export function assertPooled(work: TicketWork, rows: readonly TicketRow[]): void {
  if (rows.some((row) => !work.roster.groups.has(row.group_id))) throw new PoolsMoved('a ticket came into sight after its pool was looked up');
}

/**
 * Throws `PoolsMoved` when one of the groups is in a pool that the unit does not hold: what the process remembered
 * of it was no longer true. A group that is in no pool does not exist, which its command answers.
 */
export async function assertGroupsPooled(work: TicketWork, groupIds: readonly string[]): Promise<void> {
  const missing = groupIds.filter((groupId) => !work.roster.groups.has(groupId));
  if (missing.length === 0) return;
  const [poolIds = []] = await findPools(work.unit.sql, [{ groupIds: missing }]);
  if (poolIds.length > 0) throw new PoolsMoved('a group is in another pool than it was');
}
