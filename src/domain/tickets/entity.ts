import type { JsonObject } from '@bufbuild/protobuf';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { InstantType } from '../../foundation/database/time-types.ts';

const TicketSchema = defineEntity({
  name: 'Ticket',
  tableName: 'tickets',
  properties: {
    ticketId: p.uuid().primary(),
    key: p.string().columnType('text').unique(),
    groupId: p.uuid(),
    userId: p.bigint('string'),
    agentId: p.string().columnType('text').nullable(),
    status: p.smallint(),
    priority: p.smallint(),
    title: p.string().columnType('text'),
    description: p.string().columnType('text'),
    attributes: p.json<JsonObject>(),
    labels: p.array(),
    externalReferences: p.json<readonly { readonly system: string; readonly id: string; readonly url: string }[]>(),
    reopenCount: p.integer(),
    version: p.bigint('string'),
    createTime: p.type(InstantType),
    updateTime: p.type(InstantType),
    assignTime: p.type(InstantType).nullable(),
    resolveTime: p.type(InstantType).nullable(),
    closeTime: p.type(InstantType).nullable(),
    lastRequest: p.uuid().nullable(),
  },
});

/**
 * One piece of work about one user. Times are instants in UTC as text; status and priority are numbers
 * of the contract. Changed by hand-written SQL only: this is for reading.
 */
export class Ticket extends TicketSchema.class {}

TicketSchema.setClass(Ticket);
