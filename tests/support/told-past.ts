import { create, type MessageShape } from '@bufbuild/protobuf';
import { AgentSchema } from '../../gen/ticketing/v1/agent_pb.ts';
import { GroupSchema } from '../../gen/ticketing/v1/group_pb.ts';
import { type Ticket, TicketSchema } from '../../gen/ticketing/v1/ticket_pb.ts';
import { toAgentMessage } from '../../src/domain/agents/message.ts';
import { type GroupRow, toGroupMessage } from '../../src/domain/groups/index.ts';
import { toTicket } from '../../src/domain/tickets/message.ts';
import type { TicketRow } from '../../src/domain/tickets/row.ts';
import { microsOf } from '../../src/foundation/clock.ts';
import type { Harness } from './harness.ts';

type Values = Record<string, unknown>;
type Kind = 'ticket' | 'agent' | 'group' | 'membership' | 'settings';

interface Entry {
  readonly micros: number;
  readonly entity_type: Kind;
  readonly entity_id: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly version: string;
  readonly after: Values | null;
  readonly changed_fields: readonly string[];
}

interface Event {
  readonly micros: number;
  readonly agentId: string;
  readonly groupId: string;
  readonly day: string;
  readonly time: string;
  /** A decision, or a release with what it says. */
  readonly kind: 'given' | 'resolved' | 'taken';
}

/** What erased columns show, and all that a row has. */
const BLANK: Readonly<Partial<Record<Kind, Values>>> = {
  ticket: { user_id: 0, title: '', description: '', attributes: {}, labels: [], external_references: [] },
};

/**
 * The past as the log tells it from the beginning on: each thing begins with its first entry, and every further one changes the columns that it names. What
 * was before a change is not looked at, nor are the rows as they are now.
 */
export class ToldPast {
  /** The states of each thing, oldest first; null for none. */
  readonly #states = new Map<string, { readonly micros: number; readonly state: Values | null }[]>();
  readonly #events: readonly Event[];
  /** When anything was written, oldest first, in microseconds since 1970. */
  readonly moments: readonly number[];

  private constructor(entries: readonly Entry[], events: readonly Event[]) {
    this.#events = events;
    for (const entry of entries) this.#tell(entry);
    this.moments = [...new Set(entries.map(({ micros }) => micros))].sort((a, b) => a - b);
  }

  /** Reads the whole log. */
  static async read(harness: Pick<Harness, 'sql'>): Promise<ToldPast> {
    const entries = await harness.sql<{ time: string } & Omit<Entry, 'micros'>>(
      `SELECT time::text, entity_type, entity_id, operation, version::text, after, changed_fields FROM audit_entries
       WHERE entity_type IN ('ticket', 'agent', 'group', 'membership', 'settings') ORDER BY entry_id`,
    );
    const events = await harness.sql<Omit<Event, 'micros'>>(
      `SELECT agent_id AS "agentId", group_id AS "groupId", business_day::text AS day, time::text, 'given' AS kind FROM assignment_decisions
       UNION ALL SELECT agent_id, group_id, business_day::text, time::text, CASE WHEN resolved THEN 'resolved' ELSE 'taken' END FROM assignment_releases`,
    );
    return new ToldPast(
      entries.map(({ time, ...entry }) => ({ ...entry, micros: microsOf(time) })),
      events.map((event) => ({ ...event, micros: microsOf(event.time) })),
    );
  }

  #tell({ micros, entity_type, entity_id, operation, version, after, changed_fields }: Entry): void {
    const name = `${entity_type} ${entity_id}`;
    const states = this.#states.get(name) ?? [];
    this.#states.set(name, states);
    const before = states.at(-1)?.state ?? {};
    if (operation === 'DELETE') states.push({ micros, state: null });
    else if (operation === 'CREATE') states.push({ micros, state: { ...BLANK[entity_type], ...after } });
    else {
      const changes = changed_fields.map((field) => [field, after?.[field] ?? BLANK[entity_type]?.[field] ?? null]);
      states.push({ micros, state: { ...before, ...Object.fromEntries(changes), version: Number(version), update_time: after?.update_time } });
    }
  }

  /** Ids of everything of a kind that there ever was. */
  ids(kind: Kind): string[] {
    return [...this.#states.keys()].filter((name) => name.startsWith(`${kind} `)).map((name) => name.slice(kind.length + 1));
  }

  /** A thing's columns at an instant; undefined when it was not there. */
  stateAt(kind: Kind, id: string, micros: number): Values | undefined {
    const states = this.#states.get(`${kind} ${id}`) ?? [];
    const later = states.findIndex((one) => one.micros > micros);
    return states.at(later < 0 ? states.length - 1 : later - 1 < 0 ? states.length : later - 1)?.state ?? undefined;
  }

  ticketAt(id: string, micros: number): Ticket | undefined {
    const state = this.stateAt('ticket', id, micros);
    return state && create(TicketSchema, toTicket({ ...state, version: String(state.version), user_id: String(state.user_id) } as unknown as TicketRow));
  }

  groupAt(id: string, micros: number): MessageShape<typeof GroupSchema> | undefined {
    const state = this.stateAt('group', id, micros);
    return state && create(GroupSchema, toGroupMessage(inWords(state) as unknown as GroupRow));
  }

  /** The business day of an agent's counts at an instant. */
  #dayOf(agentId: string, micros: number): string {
    const zone = String(this.stateAt('settings', 'true', micros)?.business_time_zone);
    const today = new Date(Math.floor(micros / 1000)).toLocaleDateString('en-CA', { timeZone: zone });
    const days = this.#events.filter((event) => event.agentId === agentId && event.micros <= micros).map(({ day }) => day);
    return [today, ...days].sort().at(-1) ?? today;
  }

  /** Groups of an agent that were not deleted, by id. */
  groupsOf(agentId: string, micros: number): string[] {
    return this.ids('membership')
      .filter((id) => id.slice(37) === agentId && this.stateAt('membership', id, micros))
      .map((id) => id.slice(0, 36))
      .filter((groupId) => this.stateAt('group', groupId, micros)?.delete_time === null)
      .sort();
  }

  agentAt(id: string, micros: number): MessageShape<typeof AgentSchema> | undefined {
    const state = this.stateAt('agent', id, micros);
    if (!state) return undefined;
    const events = this.#events.filter((event) => event.agentId === id && event.micros <= micros);
    const day = this.#dayOf(id, micros);
    const count = (kinds: readonly Event['kind'][], ofDay = false) =>
      events.filter((event) => kinds.includes(event.kind) && (!ofDay || event.day === day)).length;
    const given = events.filter(({ kind }) => kind === 'given').sort((a, b) => a.micros - b.micros);
    return create(
      AgentSchema,
      toAgentMessage({
        ...(inWords(state) as unknown as Parameters<typeof toAgentMessage>[0]),
        groupIds: this.groupsOf(id, micros),
        totalAssigned: String(count(['given'])),
        totalResolved: String(count(['resolved'])),
        assignedToday: count(['given'], true),
        resolvedToday: count(['resolved'], true),
        openTickets: count(['given']) - count(['resolved', 'taken']),
        lastAssignTime: given.at(-1)?.time ?? null,
      }),
    );
  }

  /** What lay on an agent's desk, and what he was given and resolved that day, by group. */
  workloadAt(agentId: string, micros: number) {
    const held = this.ids('ticket').flatMap((id) => {
      const state = this.stateAt('ticket', id, micros);
      return state && state.agent_id === agentId && Number(state.status) <= 3 ? [state] : [];
    });
    const day = this.#dayOf(agentId, micros);
    const groupIds = [...new Set([...this.groupsOf(agentId, micros), ...held.map((state) => String(state.group_id))])].sort();
    const count = (kind: Event['kind'], groupId: string) =>
      this.#events.filter(
        (event) => event.agentId === agentId && event.kind === kind && event.day === day && event.micros <= micros && event.groupId === groupId,
      ).length;
    return {
      openTickets: held.length,
      businessDay: day,
      statuses: [1, 2, 3].map((status) => held.filter((state) => state.status === status).length),
      priorities: [1, 2, 3, 4].map((priority) => held.filter((state) => state.priority === priority).length),
      groups: groupIds.map((groupId) => ({
        groupId,
        openTickets: held.filter((state) => state.group_id === groupId).length,
        ticketsAssignedToday: count('given', groupId),
        ticketsResolvedToday: count('resolved', groupId),
      })),
    };
  }
}

/** Columns by the names that entities have for them. */
const inWords = (state: Values): Values =>
  Object.fromEntries(Object.entries(state).map(([column, value]) => [column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]));
