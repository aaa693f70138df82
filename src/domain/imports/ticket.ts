import { create, createRegistry } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { type CreateTicketRequest, CreateTicketRequestSchema, TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { ImportRecord, RowFault } from './records.ts';
import { labelsOf, priorityOf, type Reading, userIdOf } from './values.ts';

/** A record with its ticket, or with what is wrong with it. */
export interface Prepared<Group = unknown, Agent = unknown> {
  readonly record: ImportRecord;
  readonly ticket: CreateTicketRequest;
  readonly faults: readonly RowFault[];
  /** Whom the row names, where they were found. */
  readonly group: Group | undefined;
  readonly agent: Agent | undefined;
}

/** Finds the groups and agents that a file names. */
export interface People<Group extends { readonly groupId: string }, Agent extends { readonly agentId: string }> {
  findGroup(value: string): Group | undefined;
  findAgent(value: string): Agent | undefined;
  /** What to do about one that is not found; '' when there is nothing. */
  readonly advice: { readonly group: string; readonly agent: string };
}

/** Stands for the id of a group that is not there, so that the rest of the row can be checked. */
const PLACEHOLDER = '00000000-0000-4000-8000-000000000000';

/** What tickets of an import have in common. */
export interface Common {
  readonly source: string;
  readonly uniquePerUser: boolean;
}

/** Makes tickets of records and holds them to the contract's own rules. */
export function ticketMaker<Group extends { readonly groupId: string }, Agent extends { readonly agentId: string }>(
  people: People<Group, Agent>,
  { source, uniquePerUser }: Common,
): (record: ImportRecord) => Prepared<Group, Agent> {
  const validator = createValidator({ registry: createRegistry(TicketService) });
  return (record) => {
    const { fields } = record;
    const faults = [...record.faults];
    const fault = (field: string, reading: Reading | undefined, message: string, reason = 'INVALID_FIELD'): undefined => {
      if (!faults.some((other) => other.field === field)) faults.push({ line: record.line, field, value: reading?.text ?? '', reason, message });
    };
    const group = find(fields.group, (value) => people.findGroup(value));
    if (!group)
      fault('group', fields.group, fields.group?.value === undefined ? 'must be given' : `there is no such group${people.advice.group}`, 'GROUP_NOT_FOUND');
    const agent = find(fields.agent_id, (value) => people.findAgent(value));
    if (!agent && fields.agent_id?.value !== undefined) fault('agent_id', fields.agent_id, `there is no such agent${people.advice.agent}`, 'AGENT_NOT_FOUND');
    const userId = fields.user_id?.value === undefined ? fault('user_id', fields.user_id, 'must be given') : userIdOf(fields.user_id.value);
    if (fields.user_id?.value !== undefined && userId === undefined) fault('user_id', fields.user_id, 'must be a whole number above 0');
    const priority = fields.priority?.value === undefined ? undefined : priorityOf(fields.priority.value);
    if (fields.priority?.value !== undefined && priority === undefined)
      fault('priority', fields.priority, 'must be LOW, MEDIUM, HIGH or URGENT; let a mapping say what other words mean');
    const ticket = create(CreateTicketRequestSchema, {
      groupId: group?.groupId ?? PLACEHOLDER,
      userId: userId ?? 1n,
      ...(priority === undefined ? {} : { priority }),
      title: fields.title?.value ?? '',
      description: fields.description?.value ?? '',
      labels: labelsOf(fields.labels?.value ?? ''),
      attributes: { ...record.attributes },
      agentId: agent?.agentId ?? '',
      uniquePerUser,
      externalReferences: [{ system: source, id: record.referenceId }],
    });
    const result = validator.validate(CreateTicketRequestSchema, ticket);
    if (result.kind === 'error') throw result.error;
    for (const { field, message } of result.kind === 'invalid' ? result.violations : []) {
      const path = pathToString(field);
      const reading = fields[path as keyof typeof fields];
      fault(path, reading, message);
    }
    return { record, ticket, faults, group, agent };
  };
}

const find = <Found>(reading: Reading | undefined, search: (value: string) => Found | undefined): Found | undefined =>
  reading?.value === undefined ? undefined : search(reading.value);
