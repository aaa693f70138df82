import type { Policy } from '../../../src/domain/assignment/index.ts';
import { foundingSteps } from '../../../src/domain/simulation/pattern.ts';
import { type Outcome, Rehearsal, type RehearsalSetup } from '../../../src/domain/simulation/rehearsal.ts';
import type { ScenarioChanges } from '../../../src/domain/simulation/scenario.ts';
import type { AgentState, Step } from '../../../src/domain/simulation/steps.ts';
import { plainPolicy } from '../../support/roster.ts';

/** A Monday at midnight, in milliseconds since 1970. */
export const MONDAY = Date.UTC(2026, 2, 2);

/** That Monday at so many minutes. */
export const minute = (minutes: number): number => MONDAY + minutes * 60_000;

/** A scenario that changes nothing but what is given. */
export const scenario = (name: string, more: Partial<ScenarioChanges> = {}): ScenarioChanges => ({
  name,
  policies: new Map(),
  removedAgentIds: new Set(),
  changedAgents: new Map(),
  addedAgents: [],
  ...more,
});

/** An agent who is there. */
export const present: AgentState = { active: true, deleted: false, availability: 'AVAILABLE', skills: {}, weight: 1, maxOpenTickets: null };

/** A rehearsal over groups with policies and agents in them, all of whom are there. */
export function rehearse(
  groups: Readonly<Record<string, Partial<Policy>>>,
  agents: Readonly<Record<string, readonly string[] | (Partial<AgentState> & { readonly groups: readonly string[] })>>,
  more: Partial<RehearsalSetup> = {},
): Rehearsal {
  const rehearsal = new Rehearsal({
    scenarios: [],
    groupIds: Object.keys(groups),
    hours: new Map(),
    zone: 'UTC',
    startTime: MONDAY,
    daysAreTold: false,
    handOutIsTold: false,
    handlingMs: undefined,
    lastNumber: 0,
    ...more,
  });
  const described = Object.entries(agents).map(([agentId, said]) => {
    const { groups: groupIds, ...state } = 'groups' in said ? said : { groups: said };
    return { agentId, groupIds, state: { ...present, ...state } };
  });
  const founded = Object.entries(groups).map(([groupId, policy]) => ({ groupId, policy: { ...plainPolicy, ...policy } }));
  for (const step of foundingSteps(MONDAY, founded, described)) rehearsal.take(step);
  rehearsal.begin();
  return rehearsal;
}

/** A ticket comes; answers its number. */
export function arrive(
  rehearsal: Rehearsal,
  time: number,
  groupId = 'g',
  more: { readonly priority?: number; readonly handlingMs?: number; readonly agentId?: string } = {},
): number {
  const { priority = 2, handlingMs = Number.NaN, agentId } = more;
  const ticket = rehearsal.book.enter(time, handlingMs, true);
  rehearsal.take({ type: 'ARRIVAL', time, ticket, groupId, priority, ...(agentId === undefined ? {} : { agentId }) } satisfies Step);
  return ticket;
}

/** What each agent was given in an outcome. */
export const given = ({ figures }: Outcome): Record<string, number> => Object.fromEntries(figures.loads.map((load) => [load.agentId, load.assigned]));
