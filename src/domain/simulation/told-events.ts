import type { SimulationEvent } from '../../../gen/ticketing/v1/simulation_event_pb.ts';
import type { SimulatedRoster } from '../../../gen/ticketing/v1/simulation_pb.ts';
import { Priority } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { toMoment, toMs } from './message.ts';
import type { AgentState, Moment, ToldStep } from './steps.ts';

/** The last second of the year 9999. */
const LAST_SECOND = 253_402_300_799n;

const fieldOf = (at: number): string => `events.events[${at}].event_time`;

/** Turns the events that a caller sends into steps, one for each, and a second one for who leaves with his desk dealt out. */
export class EventReader {
  readonly #states: Map<string, AgentState>;

  constructor(roster: Pick<SimulatedRoster, 'agents'> | undefined) {
    this.#states = new Map(
      roster?.agents.map(({ agentId, skills, weight, maxOpenTickets }) => [
        agentId,
        { active: true, deleted: false, availability: 'AVAILABLE', skills: { ...skills }, weight: weight ?? 1, maxOpenTickets: maxOpenTickets ?? null },
      ]),
    );
  }

  /** The steps of one message; throws InvalidField for a time that is none. */
  read(events: readonly SimulationEvent[]): ToldStep[] {
    return events.flatMap((event, at) => {
      const { eventTime: time } = event;
      if (!time || time.nanos < 0 || time.nanos > 999_999_999) throw new InvalidField(fieldOf(at), 'must have nanos from 0 to 999,999,999');
      if (time.seconds < 0n || time.seconds > LAST_SECOND) throw new InvalidField(fieldOf(at), 'must be from 1970 on and before the year 10000');
      return this.#steps(event, toMoment(time), at).map((step) => ({ ...step, event: at }));
    });
  }

  #steps({ event }: SimulationEvent, time: Moment, at: number): ToldStep[] {
    switch (event.case) {
      case 'arrival': {
        const { ticketId: ticket, groupId, priority, agentId, handling } = event.value;
        const facts = { createTime: time, counts: true, handlingMs: handling && toMs(handling) };
        return [{ type: 'ARRIVAL', time, ticket, groupId, priority: priority || Priority.MEDIUM, ...(agentId ? { agentId } : {}), facts }];
      }
      case 'end':
        return [{ type: 'END', time, ticket: event.value.ticketId, resolved: !event.value.cancelled }];
      case 'reopening': {
        const { ticketId: ticket, agentId } = event.value;
        return [{ type: 'REOPENING', time, ticket, ...(agentId ? { agentId } : {}) }];
      }
      case 'change': {
        const { ticketId: ticket, groupId, priority, agentId, handBack } = event.value;
        const to = { ...(groupId ? { groupId } : {}), ...(priority ? { priority } : {}), ...(agentId ? { agentId } : {}), ...(handBack ? { handBack } : {}) };
        return [{ type: 'CHANGE', time, ticket, ...to }];
      }
      case 'presence': {
        const { agentId, present, reassignPending } = event.value;
        const state = this.#states.get(agentId);
        if (!state) throw new InvalidField(`events.events[${at}].presence.agent_id`, `${agentId} is not in the roster`);
        const comes: ToldStep = { type: 'AGENT', time, agentId, state: { ...state, availability: present ? 'AVAILABLE' : 'AWAY' } };
        return !present && reassignPending ? [comes, { type: 'DESKS', time, agentIds: [agentId] }] : [comes];
      }
      default:
        throw new InvalidField(`events.events[${at}]`, 'must say what happens');
    }
  }
}
