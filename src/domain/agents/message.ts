import type { MessageInitShape } from '@bufbuild/protobuf';
import { type AgentSchema, Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { toTimestamp } from '../../foundation/clock.ts';
import { etagOf } from '../../foundation/etag.ts';
import type { AgentRow, AvailabilityName } from './entity.ts';

/** An agent with what is derived: his groups that are not deleted, and his counts as of today. */
export interface AgentView extends AgentRow {
  readonly groupIds: readonly string[];
  readonly totalAssigned: string;
  readonly totalResolved: string;
  readonly assignedToday: number;
  readonly resolvedToday: number;
  readonly openTickets: number;
  readonly lastAssignTime: string | null;
}

const availabilities: Readonly<Record<AvailabilityName, Availability>> = {
  AVAILABLE: Availability.AVAILABLE,
  AWAY: Availability.AWAY,
  OFFLINE: Availability.OFFLINE,
};

/** How callers write an availability. */
export const toAvailability = (name: AvailabilityName): Availability => availabilities[name];

/** The availability that a caller means; undefined when he did not say. */
export const availabilityNamed = (asked: Availability): AvailabilityName | undefined =>
  (Object.keys(availabilities) as AvailabilityName[]).find((name) => availabilities[name] === asked);

/** An agent as callers see him. */
export function toAgentMessage(agent: AgentView): MessageInitShape<typeof AgentSchema> {
  return {
    agentId: agent.agentId,
    displayName: agent.displayName,
    email: agent.email,
    active: agent.active,
    availability: toAvailability(agent.availability),
    groupIds: [...agent.groupIds],
    skills: agent.skills,
    weight: agent.weight,
    ...(agent.maxOpenTickets === null || agent.maxOpenTickets === undefined ? {} : { maxOpenTickets: agent.maxOpenTickets }),
    timeZone: agent.timeZone,
    totalTicketsAssigned: BigInt(agent.totalAssigned),
    totalTicketsResolved: BigInt(agent.totalResolved),
    ticketsAssignedToday: agent.assignedToday,
    ticketsResolvedToday: agent.resolvedToday,
    openTickets: agent.openTickets,
    etag: etagOf(agent.version),
    createTime: toTimestamp(agent.createTime),
    updateTime: toTimestamp(agent.updateTime),
    ...optionalTimes(agent),
  };
}

function optionalTimes(agent: AgentView): Pick<MessageInitShape<typeof AgentSchema>, 'lastAssignTime' | 'deleteTime' | 'availabilityUntilTime'> {
  const lastAssignTime = toTimestamp(agent.lastAssignTime);
  const deleteTime = toTimestamp(agent.deleteTime);
  const availabilityUntilTime = toTimestamp(agent.availabilityUntilTime);
  return { ...(lastAssignTime ? { lastAssignTime } : {}), ...(deleteTime ? { deleteTime } : {}), ...(availabilityUntilTime ? { availabilityUntilTime } : {}) };
}
