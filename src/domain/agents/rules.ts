import type { Agent as AgentMessage } from '../../../gen/ticketing/v1/agent_pb.ts';
import { type Instant, isTimeZone, toTimestamp } from '../../foundation/clock.ts';
import { InvalidField } from '../../foundation/errors.ts';
import type { AgentRow, AvailabilityName } from './entity.ts';

/** The fields of an agent that an update can change, as the contract spells them. */
export const MUTABLE_AGENT_FIELDS = ['display_name', 'email', 'active', 'group_ids', 'skills', 'weight', 'max_open_tickets', 'time_zone'] as const;

/** What callers say about an agent; groups and availability have rules of their own. */
export type AgentChoices = Pick<AgentRow, 'displayName' | 'email' | 'active' | 'skills' | 'weight' | 'maxOpenTickets' | 'timeZone'>;

const choiceOf: Readonly<Record<Exclude<(typeof MUTABLE_AGENT_FIELDS)[number], 'group_ids'>, keyof AgentChoices>> = {
  display_name: 'displayName',
  email: 'email',
  active: 'active',
  skills: 'skills',
  weight: 'weight',
  max_open_tickets: 'maxOpenTickets',
  time_zone: 'timeZone',
};

/** What a message asks for, defaults where it is silent. Throws for an unknown time zone. */
export function agentChoices(message: AgentMessage): AgentChoices {
  const timeZone = message.timeZone || 'UTC';
  if (!isTimeZone(timeZone)) throw new InvalidField('agent.time_zone', `${timeZone} is no IANA time zone`, 'TIME_ZONE_UNKNOWN');
  return {
    displayName: message.displayName,
    email: message.email,
    active: message.active ?? true,
    skills: { ...message.skills },
    weight: message.weight ?? 1,
    maxOpenTickets: message.maxOpenTickets ?? null,
    timeZone,
  };
}

/** Of the selected fields those whose value differs from the present one. */
export function agentChanges(present: AgentRow, asked: AgentChoices, fields: ReadonlySet<string>): Partial<AgentChoices> {
  const changes: Partial<Record<keyof AgentChoices, unknown>> = {};
  for (const [field, choice] of Object.entries(choiceOf)) {
    if (fields.has(field) && !isSame(present[choice], asked[choice])) changes[choice] = asked[choice];
  }
  return changes as Partial<AgentChoices>;
}

/** Whether any of these fields decides what the agent is given, so that changing it needs his pools. */
export const touchesAssignment = (fields: ReadonlySet<string>): boolean =>
  ['active', 'group_ids', 'skills', 'weight', 'max_open_tickets'].some((field) => fields.has(field));

/** What an availability turns into when its time is over. */
export const afterwards = (availability: AvailabilityName): AvailabilityName => (availability === 'AVAILABLE' ? 'OFFLINE' : 'AVAILABLE');

/** Whether the engine may give the agent tickets, his room aside. */
export const takesTickets = (agent: Pick<AgentRow, 'active' | 'availability' | 'deleteTime'>): boolean =>
  agent.active && agent.availability === 'AVAILABLE' && !agent.deleteTime;

/** Negative, zero or positive as the first instant is before, at or after the second. */
export function compareInstants(a: Instant, b: Instant): number {
  const [left, right] = [toTimestamp(a), toTimestamp(b)];
  return left.seconds === right.seconds ? left.nanos - right.nanos : Number(left.seconds - right.seconds);
}

/** Whether two times, either of which may be absent, are the same. */
export const isSameInstant = (a: Instant | null | undefined, b: Instant | null | undefined): boolean => (a && b ? compareInstants(a, b) === 0 : !a && !b);

function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value !== 'object') return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
