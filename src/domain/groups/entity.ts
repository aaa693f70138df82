import { defineEntity, p } from '@mikro-orm/postgresql';
import { InstantType } from '../../foundation/database/time-types.ts';

/** How a group chooses, as it is kept: names of `AssignmentStrategy` in the contract. */
export type Strategy = 'LEAST_ASSIGNED_TODAY' | 'MANUAL' | 'ROUND_ROBIN' | 'FEWEST_OPEN' | 'ASSIGNED_PER_HOUR_PRESENT' | 'WEIGHTED';

const GroupSchema = defineEntity({
  name: 'Group',
  tableName: 'groups',
  properties: {
    groupId: p.uuid().primary(),
    key: p.string().columnType('text'),
    name: p.string().columnType('text'),
    description: p.string().columnType('text'),
    active: p.boolean(),
    timeZone: p.string().columnType('text'),
    strategy: p.string().columnType('text').$type<Strategy>(),
    catchUpLimit: p.integer().nullable(),
    maxOpenPerAgent: p.integer().nullable(),
    requiredSkills: p.json<Record<string, number>>(),
    skillRelaxationSeconds: p.integer().nullable(),
    preferPreviousAgent: p.boolean(),
    policyVersion: p.integer(),
    supervisorIds: p.array(),
    version: p.bigint('number'),
    createTime: p.type(InstantType),
    updateTime: p.type(InstantType),
    deleteTime: p.type(InstantType).nullable(),
  },
});

/** A team that owns a kind of ticket, with its assignment policy. Times are instants in UTC as text. */
export class Group extends GroupSchema.class {}

GroupSchema.setClass(Group);

const MembershipSchema = defineEntity({
  name: 'Membership',
  tableName: 'memberships',
  properties: {
    groupId: p.uuid().primary(),
    agentId: p.string().columnType('text').primary(),
    version: p.bigint('number'),
    createTime: p.type(InstantType),
    updateTime: p.type(InstantType),
  },
});

/** That an agent belongs to a group. Stays while either is deleted, so that undelete brings it back. */
export class Membership extends MembershipSchema.class {}

MembershipSchema.setClass(Membership);

/** The columns of a group, whether they were read through the entity or by hand. */
export type GroupRow = Pick<
  Group,
  | 'groupId'
  | 'key'
  | 'name'
  | 'description'
  | 'active'
  | 'timeZone'
  | 'strategy'
  | 'catchUpLimit'
  | 'maxOpenPerAgent'
  | 'requiredSkills'
  | 'skillRelaxationSeconds'
  | 'preferPreviousAgent'
  | 'policyVersion'
  | 'supervisorIds'
  | 'version'
  | 'createTime'
  | 'updateTime'
  | 'deleteTime'
>;
