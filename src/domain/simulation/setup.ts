import type {
  EventSource,
  PatternSource,
  SimulatedAgent as SimulatedAgentMessage,
  SimulatedRoster as SimulatedRosterMessage,
  SimulationScenario,
  SimulationSetup,
} from '../../../gen/ticketing/v1/simulation_pb.ts';
import { Priority } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { isTimeZone } from '../../foundation/clock.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { SimulationTooLarge } from './errors.ts';
import { MAX_PATTERN_DAYS, MAX_TICKETS, PATTERN_REST_MS } from './limits.ts';
import { toDistribution, toHandling, toMoment, toPolicy, toWorkingHours } from './message.ts';
import type { DescribedAgent, Pattern } from './pattern.ts';
import type { Play } from './player.ts';
import type { AddedAgent, AgentChange, ScenarioChanges } from './scenario.ts';
import type { WorkingHours } from './shifts.ts';
import type { Moment } from './steps.ts';

/** Who a set-up may name. */
export interface Known {
  readonly groupIds: ReadonlySet<string>;
  readonly agentIds: ReadonlySet<string>;
}

/** The play of a set-up that describes its roster; throws InvalidField naming what does not fit. */
export function toPlay(setup: SimulationSetup, startTime: Moment): Play {
  const { source } = setup;
  if (source.case !== 'events' && source.case !== 'pattern') throw new Error('a set-up without a roster');
  const { value } = source;
  const field = `setup.${source.case}`;
  const roster = value.roster ?? { groups: [], agents: [] };
  const known = assertRoster(roster, `${field}.roster`);
  const pattern = source.case === 'pattern' ? toPattern(source.value, setup, known) : undefined;
  return {
    scenarios: toScenarios(setup.scenarios, known, [...known.groupIds]),
    groupIds: [...known.groupIds],
    hours: new Map(roster.agents.flatMap(({ agentId, workingHours }) => (workingHours ? [[agentId, toWorkingHours(workingHours)] as const] : []))),
    zone: zoneOf(value, field),
    startTime: pattern?.startTime ?? startTime,
    daysAreTold: false,
    handOutIsTold: false,
    handling: toHandling(setup.handling),
    lastNumber: 0,
    groups: roster.groups.map(({ groupId, assignmentPolicy }, at) => ({
      groupId,
      policy: toPolicy(assignmentPolicy, `${field}.roster.groups[${at}].assignment_policy`),
    })),
    agents: roster.agents.map(toDescribedAgent),
    pattern,
    stepField: source.case === 'events' ? 'events.events' : undefined,
    historic: false,
    endTime: pattern && pattern.endTime + PATTERN_REST_MS,
  };
}

/** The scenarios of a set-up; `toldGroupIds` are those that a policy for every group is for. */
export function toScenarios(scenarios: readonly SimulationScenario[], known: Known, toldGroupIds: readonly string[]): ScenarioChanges[] {
  assertUnique(scenarios, 'setup.scenarios', 'name', ({ name }) => name);
  return scenarios.map((scenario, at) => {
    const field = `setup.scenarios[${at}]`;
    assertUnique(scenario.policies, `${field}.policies`, 'group_id', ({ groupId }) => groupId);
    assertUnique(scenario.changedAgents, `${field}.changed_agents`, 'agent_id', ({ agentId }) => agentId);
    const named = new Set(toldGroupIds);
    assertKnown(
      scenario.policies.map(({ groupId }) => groupId).filter((groupId) => groupId !== ''),
      named,
      (index) => `${field}.policies[${index}].group_id`,
    );
    assertKnown(scenario.removedAgentIds, known.agentIds, (index) => `${field}.removed_agent_ids[${index}]`);
    assertKnown(
      scenario.changedAgents.map(({ agentId }) => agentId),
      known.agentIds,
      (index) => `${field}.changed_agents[${index}].agent_id`,
    );
    assertAdded(scenario.addedAgents, known, named, `${field}.added_agents`);
    return toChanges(scenario, toldGroupIds, field);
  });
}

function toChanges(scenario: SimulationScenario, toldGroupIds: readonly string[], field: string): ScenarioChanges {
  const byGroup = new Map(
    scenario.policies.map(({ groupId, assignmentPolicy }, at) => [groupId, toPolicy(assignmentPolicy, `${field}.policies[${at}].assignment_policy`)]),
  );
  const policies = new Map(
    toldGroupIds.flatMap((groupId) => {
      const policy = byGroup.get(groupId) ?? byGroup.get('');
      return policy ? [[groupId, policy] as const] : [];
    }),
  );
  const changed = scenario.changedAgents.map(({ agentId, maxOpenTickets, unlimited, skills, weight, workingHours }): AgentChange => {
    const limit = unlimited ? { maxOpenTickets: null } : maxOpenTickets === undefined ? {} : { maxOpenTickets };
    return {
      agentId,
      ...limit,
      ...(skills ? { skills: { ...skills.skills } } : {}),
      ...(weight === undefined ? {} : { weight }),
      ...hoursOf(workingHours && toWorkingHours(workingHours)),
    };
  });
  return {
    name: scenario.name,
    policies,
    removedAgentIds: new Set(scenario.removedAgentIds),
    changedAgents: new Map(changed.map((change) => [change.agentId, change])),
    addedAgents: scenario.addedAgents.map(
      (agent): AddedAgent => ({
        ...toDescribedAgent(agent).state,
        agentId: agent.agentId,
        groupIds: agent.groupIds,
        ...hoursOf(agent.workingHours && toWorkingHours(agent.workingHours)),
      }),
    ),
  };
}

const hoursOf = (workingHours: WorkingHours | undefined): { readonly workingHours?: WorkingHours } => (workingHours ? { workingHours } : {});

function toDescribedAgent(agent: SimulatedAgentMessage): DescribedAgent {
  const { agentId, groupIds, skills, weight, maxOpenTickets, away, workingHours } = agent;
  return {
    agentId,
    groupIds,
    state: {
      active: true,
      deleted: false,
      availability: away || workingHours ? 'OFFLINE' : 'AVAILABLE',
      skills: { ...skills },
      weight: weight ?? 1,
      maxOpenTickets: maxOpenTickets ?? null,
    },
  };
}

function toPattern(source: PatternSource, setup: SimulationSetup, known: Known): Pattern {
  const { startTime, endTime, arrivals, seed } = source;
  const handling = toHandling(setup.handling);
  if (!handling) throw new InvalidField('setup.handling', 'must be given for a pattern');
  if (!startTime || !endTime) throw new InvalidField('setup.pattern', 'needs start_time and end_time');
  assertKnown(
    arrivals.map(({ groupId }) => groupId),
    known.groupIds,
    (index) => `setup.pattern.arrivals[${index}].group_id`,
  );
  const [from, to] = [toMoment(startTime), toMoment(endTime)];
  if (to - from > MAX_PATTERN_DAYS * 86_400_000) throw new InvalidField('setup.pattern.end_time', `must be at most ${MAX_PATTERN_DAYS} days after start_time`);
  const expected = arrivals.reduce((sum, { ticketsPerHour }) => sum + ticketsPerHour, 0) * ((to - from) / 3_600_000);
  if (expected > MAX_TICKETS) throw new SimulationTooLarge('tickets', MAX_TICKETS);
  return {
    arrivals: arrivals.map(({ groupId, ticketsPerHour, distribution, priority }) => ({
      groupId,
      ticketsPerHour,
      distribution: toDistribution(distribution),
      priority: priority || Priority.MEDIUM,
    })),
    startTime: from,
    endTime: to,
    handlingMs: handling.meanMs,
    handling: handling.distribution,
    seed,
  };
}

function zoneOf({ timeZone }: EventSource | PatternSource, field: string): string {
  if (timeZone !== '' && !isTimeZone(timeZone)) throw new InvalidField(`${field}.time_zone`, `${timeZone} is no IANA time zone`, 'TIME_ZONE_UNKNOWN');
  return timeZone || 'UTC';
}

function assertRoster(roster: Pick<SimulatedRosterMessage, 'groups' | 'agents'>, field: string): Known {
  assertUnique(roster.groups, `${field}.groups`, 'group_id', ({ groupId }) => groupId);
  assertUnique(roster.agents, `${field}.agents`, 'agent_id', ({ agentId }) => agentId);
  const groupIds = new Set(roster.groups.map(({ groupId }) => groupId));
  for (const [at, agent] of roster.agents.entries()) assertKnown(agent.groupIds, groupIds, (index) => `${field}.agents[${at}].group_ids[${index}]`);
  return { groupIds, agentIds: new Set(roster.agents.map(({ agentId }) => agentId)) };
}

function assertAdded(agents: readonly SimulatedAgentMessage[], known: Known, groupIds: ReadonlySet<string>, field: string): void {
  assertUnique(agents, field, 'agent_id', ({ agentId }) => agentId);
  for (const [at, agent] of agents.entries()) {
    if (known.agentIds.has(agent.agentId)) throw new InvalidField(`${field}[${at}].agent_id`, `${agent.agentId} is there already`);
    assertKnown(agent.groupIds, groupIds, (index) => `${field}[${at}].group_ids[${index}]`);
  }
}

function assertUnique<T>(items: readonly T[], field: string, key: string, keyOf: (item: T) => string): void {
  const seen = new Set<string>();
  for (const [at, item] of items.entries()) {
    if (seen.has(keyOf(item))) throw new InvalidField(`${field}[${at}].${key}`, `${keyOf(item) || 'every group'} is named twice`);
    seen.add(keyOf(item));
  }
}

function assertKnown(names: readonly string[], known: ReadonlySet<string>, fieldOf: (index: number) => string): void {
  for (const [at, name] of names.entries()) if (!known.has(name)) throw new InvalidField(fieldOf(at), `${name} is not there`);
}
