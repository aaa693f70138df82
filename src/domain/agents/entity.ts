import { defineEntity, p } from '@mikro-orm/postgresql';
import { DayType, InstantType } from '../../foundation/database/time-types.ts';

/** Whether an agent takes new tickets, as it is kept. */
export type AvailabilityName = 'AVAILABLE' | 'AWAY' | 'OFFLINE';

const AgentSchema = defineEntity({
  name: 'Agent',
  tableName: 'agents',
  properties: {
    agentId: p.string().columnType('text').primary(),
    displayName: p.string().columnType('text'),
    email: p.string().columnType('text'),
    active: p.boolean(),
    availability: p.string().columnType('text').$type<AvailabilityName>(),
    availabilityUntilTime: p.type(InstantType).nullable(),
    skills: p.json<Record<string, number>>(),
    weight: p.integer(),
    maxOpenTickets: p.integer().nullable(),
    timeZone: p.string().columnType('text'),
    version: p.bigint('number'),
    createTime: p.type(InstantType),
    updateTime: p.type(InstantType),
    deleteTime: p.type(InstantType).nullable(),
  },
});

/** A person who works tickets. Times are instants in UTC as text. */
export class Agent extends AgentSchema.class {}

AgentSchema.setClass(Agent);

/** The columns of an agent, whether they were read through the entity or by hand. */
export type AgentRow = Pick<
  Agent,
  | 'agentId'
  | 'displayName'
  | 'email'
  | 'active'
  | 'availability'
  | 'availabilityUntilTime'
  | 'skills'
  | 'weight'
  | 'maxOpenTickets'
  | 'timeZone'
  | 'version'
  | 'createTime'
  | 'updateTime'
  | 'deleteTime'
>;

const AgentCountersSchema = defineEntity({
  name: 'AgentCounters',
  tableName: 'agent_counters',
  properties: {
    agentId: p.string().columnType('text').primary(),
    businessDay: p.type(DayType),
    assignedToday: p.integer(),
    resolvedToday: p.integer(),
    totalAssigned: p.bigint('string'),
    totalResolved: p.bigint('string'),
    openTickets: p.integer(),
    lastAssignedSequence: p.bigint('string'),
    lastAssignTime: p.type(InstantType).nullable(),
  },
});

/**
 * What an agent was given and has resolved. Written by the engine alone, under the pool's lock; the counts
 * of today are those of `businessDay`, and nothing on any later day.
 */
export class AgentCounters extends AgentCountersSchema.class {}

AgentCountersSchema.setClass(AgentCounters);
