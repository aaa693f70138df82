import { defineEntity, p } from '@mikro-orm/postgresql';
import { DayType, InstantType } from '../../../../src/foundation/database/time-types.ts';

const PoolSchema = defineEntity({
  name: 'Pool',
  tableName: 'pools',
  properties: { poolId: p.bigint('string').primary(), sequence: p.bigint('string'), businessDay: p.type(DayType) },
});
/** The lock of connected groups. */
export class Pool extends PoolSchema.class {}
PoolSchema.setClass(Pool);

const GroupPoolSchema = defineEntity({
  name: 'GroupPool',
  tableName: 'group_pools',
  properties: { groupId: p.uuid().primary(), poolId: p.bigint('string') },
});
/** Which pool a group is in. */
export class GroupPool extends GroupPoolSchema.class {}
GroupPoolSchema.setClass(GroupPool);

const GroupCountersSchema = defineEntity({
  name: 'GroupCounters',
  tableName: 'group_counters',
  properties: { groupId: p.uuid().primary(), lastTicketNumber: p.bigint('number') },
});
/** How far a group's ticket keys have been counted. */
export class GroupCounters extends GroupCountersSchema.class {}
GroupCountersSchema.setClass(GroupCounters);

const RequestRecordSchema = defineEntity({
  name: 'RequestRecord',
  tableName: 'requests',
  properties: {
    requestKey: p.uuid().primary(),
    actor: p.string().columnType('text'),
    actorKind: p.string().columnType('text'),
    rpc: p.string().columnType('text'),
    requestId: p.uuid().nullable(),
    reason: p.string().columnType('text'),
    bodyHash: p.blob(),
    answer: p.blob().nullable(),
  },
});
/** One change, for its repeats and for the audit log. */
export class RequestRecord extends RequestRecordSchema.class {}
RequestRecordSchema.setClass(RequestRecord);

const TicketSchema = defineEntity({
  name: 'Ticket',
  tableName: 'tickets',
  properties: {
    ticketId: p.uuid().primary(),
    key: p.string().columnType('text'),
    groupId: p.uuid(),
    userId: p.bigint('string'),
    agentId: p.string().columnType('text').nullable(),
    status: p.smallint(),
    priority: p.smallint(),
    title: p.string().columnType('text'),
    description: p.string().columnType('text'),
    createTime: p.type(InstantType),
    updateTime: p.type(InstantType),
    assignTime: p.type(InstantType).nullable(),
    lastRequest: p.uuid(),
  },
});
/** A ticket, as far as its creation goes. */
export class Ticket extends TicketSchema.class {}
TicketSchema.setClass(Ticket);

const RoundSchema = defineEntity({
  name: 'AssignmentRound',
  tableName: 'assignment_rounds',
  properties: {
    roundId: p.bigint('string').primary(),
    rule: p.string().columnType('text'),
    groupId: p.uuid(),
    policy: p.json<Record<string, unknown>>(),
    businessDay: p.type(DayType),
    time: p.type(InstantType),
    agentIds: p.array().columnType('text[]'),
    assignedToday: p.array(Number).columnType('integer[]'),
    handicaps: p.array(Number).columnType('integer[]'),
    lastSequences: p.array().columnType('bigint[]'),
    openTickets: p.array(Number).columnType('integer[]'),
    rooms: p.array().columnType('integer[]'),
    received: p.array(Number).columnType('integer[]'),
    leftOutAgentIds: p.array().columnType('text[]'),
    leftOutReasons: p.array().columnType('text[]'),
  },
});
/** The candidates of one choice. */
export class AssignmentRound extends RoundSchema.class {}
RoundSchema.setClass(AssignmentRound);

const DecisionSchema = defineEntity({
  name: 'AssignmentDecision',
  tableName: 'assignment_decisions',
  properties: {
    sequence: p.bigint('string').primary(),
    ticketId: p.uuid(),
    groupId: p.uuid(),
    kind: p.string().columnType('text'),
    roundId: p.bigint('string'),
    position: p.integer(),
    agentId: p.string().columnType('text'),
    tieBreak: p.string().columnType('text'),
    businessDay: p.type(DayType),
    time: p.type(InstantType),
    requestKey: p.uuid(),
  },
});
/** Who was given one ticket, and why. */
export class AssignmentDecision extends DecisionSchema.class {}
DecisionSchema.setClass(AssignmentDecision);

/** What the service itself writes by hand. */
export const handWrittenTables = [Pool, GroupPool, GroupCounters, RequestRecord, Ticket, AssignmentRound, AssignmentDecision];
