import type { Duration } from '@bufbuild/protobuf/wkt';
import type { Group as GroupMessage } from '../../../gen/ticketing/v1/group_pb.ts';
import { isTimeZone } from '../../foundation/clock.ts';
import { InvalidField } from '../../foundation/errors.ts';
import type { GroupRow, Strategy } from './entity.ts';
import { strategyOf } from './message.ts';

/** The fields of a group that an update can change, as the contract spells them. */
export const MUTABLE_GROUP_FIELDS = [
  'name',
  'description',
  'active',
  'time_zone',
  'assignment_policy.strategy',
  'assignment_policy.catch_up_limit',
  'assignment_policy.max_open_per_agent',
  'assignment_policy.required_skills',
  'assignment_policy.skill_relaxation',
  'assignment_policy.prefer_previous_agent',
  'supervisor_ids',
] as const;

/** Strategies under which a catch-up limit has no meaning, since nobody has anything to catch up with. */
const WITHOUT_CATCH_UP: readonly Strategy[] = ['ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT'];

/** Throws when a catch-up limit is being set under a strategy in which it has no meaning; `field` is the policy's, as the request spells it. */
export function assertCatchUpLimit(field: string, strategy: Strategy, limit: number | null | undefined): void {
  if (limit === null || limit === undefined || !WITHOUT_CATCH_UP.includes(strategy)) return;
  throw new InvalidField(`${field}.catch_up_limit`, `has no meaning under ${strategy}; LEAST_ASSIGNED_TODAY and WEIGHTED know it`);
}

/** What callers say about a group; the rest is Docket's. */
export type GroupChoices = Pick<
  GroupRow,
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
  | 'supervisorIds'
>;

/** Which choice each field of the contract is. */
const choiceOf: Readonly<Record<(typeof MUTABLE_GROUP_FIELDS)[number], keyof GroupChoices>> = {
  name: 'name',
  description: 'description',
  active: 'active',
  time_zone: 'timeZone',
  'assignment_policy.strategy': 'strategy',
  'assignment_policy.catch_up_limit': 'catchUpLimit',
  'assignment_policy.max_open_per_agent': 'maxOpenPerAgent',
  'assignment_policy.required_skills': 'requiredSkills',
  'assignment_policy.skill_relaxation': 'skillRelaxationSeconds',
  'assignment_policy.prefer_previous_agent': 'preferPreviousAgent',
  supervisor_ids: 'supervisorIds',
};

const POLICY_CHOICES = ['strategy', 'catchUpLimit', 'maxOpenPerAgent', 'requiredSkills', 'skillRelaxationSeconds', 'preferPreviousAgent'] as const;

/** What a message asks for, defaults where it is silent: its name is then its key, its zone UTC. Throws for an unknown zone, and for parts of a second. */
export function groupChoices(message: GroupMessage, key: string): GroupChoices {
  const policy = message.assignmentPolicy;
  const timeZone = message.timeZone || 'UTC';
  if (!isTimeZone(timeZone)) throw new InvalidField('group.time_zone', `${timeZone} is no IANA time zone`, 'TIME_ZONE_UNKNOWN');
  return {
    name: message.name || key,
    description: message.description,
    active: message.active ?? true,
    timeZone,
    strategy: strategyOf(policy?.strategy),
    catchUpLimit: policy?.catchUpLimit ?? null,
    maxOpenPerAgent: policy?.maxOpenPerAgent ?? null,
    requiredSkills: { ...policy?.requiredSkills },
    skillRelaxationSeconds: wholeSeconds(policy?.skillRelaxation),
    preferPreviousAgent: policy?.preferPreviousAgent ?? true,
    supervisorIds: [...message.supervisorIds],
  };
}

function wholeSeconds(span: Duration | undefined): number | null {
  if (span === undefined) return null;
  if (span.nanos !== 0) throw new InvalidField('group.assignment_policy.skill_relaxation', 'must be whole seconds');
  return Number(span.seconds);
}

/** Of the selected fields those whose value differs from the present one. */
export function groupChanges(present: GroupRow, asked: GroupChoices, fields: ReadonlySet<string>): Partial<GroupChoices> {
  const changes: Partial<Record<keyof GroupChoices, unknown>> = {};
  for (const field of MUTABLE_GROUP_FIELDS) {
    const choice = choiceOf[field];
    if (fields.has(field) && !isSame(present[choice], asked[choice])) changes[choice] = asked[choice];
  }
  return changes as Partial<GroupChoices>;
}

/** Whether any of these fields decides who is given tickets, so that changing it needs the group's pool. */
export const touchesAssignment = (fields: ReadonlySet<string>): boolean =>
  fields.has('active') || [...fields].some((field) => field.startsWith('assignment_policy.'));

/** Whether the changes are changes of the policy, and so raise its version. */
export const changesPolicy = (changes: Partial<GroupChoices>): boolean => POLICY_CHOICES.some((choice) => choice in changes);

function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value) || typeof value !== 'object') return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
