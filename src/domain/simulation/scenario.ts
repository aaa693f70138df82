import type { Policy } from '../assignment/index.ts';
import type { WorkingHours } from './shifts.ts';
import type { AgentState, Step } from './steps.ts';

/** What a scenario says of an agent; what it leaves out stays as it was. */
export interface AgentChange {
  readonly agentId: string;
  readonly skills?: Readonly<Record<string, number>>;
  readonly weight?: number;
  /** Null: no limit. */
  readonly maxOpenTickets?: number | null;
  /** Instead of the presence on record. */
  readonly workingHours?: WorkingHours;
}

/** An agent who was not there. */
export interface AddedAgent {
  readonly agentId: string;
  readonly groupIds: readonly string[];
  readonly skills: Readonly<Record<string, number>>;
  readonly weight: number;
  readonly maxOpenTickets: number | null;
  /** Without them he is always there. */
  readonly workingHours?: WorkingHours;
}

/** What is different in a scenario, from the beginning to the end. */
export interface ScenarioChanges {
  readonly name: string;
  /** By group. */
  readonly policies: ReadonlyMap<string, Policy>;
  readonly removedAgentIds: ReadonlySet<string>;
  readonly changedAgents: ReadonlyMap<string, AgentChange>;
  readonly addedAgents: readonly AddedAgent[];
}

/** Nothing different. */
export const BASELINE: ScenarioChanges = { name: '', policies: new Map(), removedAgentIds: new Set(), changedAgents: new Map(), addedAgents: [] };

/** Turns what happened into what happens in a scenario. */
export class Scenario {
  readonly changes: ScenarioChanges;
  /** Who is at work by his hours; decides on his availability alone. */
  readonly #atWork = new Map<string, boolean>();
  readonly #states = new Map<string, AgentState>();

  /** `hours` are those of every agent who has any, this scenario's changes among them. */
  constructor(changes: ScenarioChanges, hours: ReadonlyMap<string, WorkingHours>) {
    this.changes = changes;
    for (const agentId of hours.keys()) this.#atWork.set(agentId, false);
  }

  get name(): string {
    return this.changes.name;
  }

  get changesAnything(): boolean {
    const { policies, removedAgentIds, changedAgents, addedAgents } = this.changes;
    return policies.size + removedAgentIds.size + changedAgents.size + addedAgents.length > 0;
  }

  /** The step as it happens here; undefined if it does not. */
  adapt(step: Step): Step | undefined {
    const { removedAgentIds: removed } = this.changes;
    switch (step.type) {
      case 'AGENT':
        this.#states.set(step.agentId, step.state);
        return removed.has(step.agentId) ? undefined : { ...step, state: this.#adaptState(step.agentId, step.state) };
      case 'GROUP':
        return { ...step, state: { ...step.state, policy: this.changes.policies.get(step.groupId) ?? step.state.policy } };
      case 'MEMBERSHIP':
        return removed.has(step.agentId) ? undefined : step;
      case 'DESKS': {
        const agentIds = removed.size === 0 ? step.agentIds : step.agentIds.filter((agentId) => !removed.has(agentId));
        return agentIds.length === 0 ? undefined : { ...step, agentIds };
      }
      default:
        return step;
    }
  }

  /** An agent comes or goes by his hours; answers the state that he is in then. */
  turn(agentId: string, comes: boolean): AgentState | undefined {
    this.#atWork.set(agentId, comes);
    const state = this.#states.get(agentId);
    return state && this.#adaptState(agentId, state);
  }

  #adaptState(agentId: string, state: AgentState): AgentState {
    const change = this.changes.changedAgents.get(agentId);
    const atWork = this.#atWork.get(agentId);
    return {
      ...state,
      availability: atWork === undefined ? state.availability : atWork ? 'AVAILABLE' : 'OFFLINE',
      skills: change?.skills ?? state.skills,
      weight: change?.weight ?? state.weight,
      maxOpenTickets: change?.maxOpenTickets === undefined ? state.maxOpenTickets : change.maxOpenTickets,
    };
  }
}
