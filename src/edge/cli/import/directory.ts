import { create } from '@bufbuild/protobuf';
import { type Agent, AgentSchema } from '../../../../gen/ticketing/v1/agent_pb.ts';
import type { Group } from '../../../../gen/ticketing/v1/group_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import { agentIdOf, GroupBook, groupKeyOf, type ImportRecord } from '../../../domain/imports/index.ts';
import { eachOf } from './each-of.ts';

const PAGE_SIZE = 1000;

/** Agents being made at once: the service gathers them into few commits. */
const CREATIONS_AT_ONCE = 16;

/** Id of a group that a dry run only thinks of. */
const IMAGINED = '00000000-0000-4000-8000-000000000000';

/** The groups and agents that a file speaks of, and who is seen at work where. */
export interface Cast {
  /** Texts of groups by their value. */
  readonly groups: Map<string, string>;
  /** Agents by their value, with the values of the groups that they are seen in. */
  readonly agents: Map<string, { readonly text: string; readonly groups: Set<string> }>;
}

/** Adds the groups and agents of a record to the cast. */
export function castOf(cast: Cast, { sightings }: ImportRecord): void {
  for (const { group, member } of sightings) {
    if (group.value === undefined) continue;
    cast.groups.set(group.value, group.text);
    if (member?.value === undefined) continue;
    const agent = cast.agents.get(member.value) ?? { text: member.text, groups: new Set() };
    cast.agents.set(member.value, agent);
    agent.groups.add(group.value);
  }
}

/** Groups and agents of a running service, found by whatever a file calls them: id, key, or name. */
export class Directory {
  /** What to do about a group or an agent that is not there. */
  readonly advice = { group: '; --create-groups makes it', agent: '; --create-agents makes him' };
  readonly #client: DocketClient;
  readonly #groups = new GroupBook<Group>();
  readonly #agents = new Map<string, Agent>();
  /** Members by group key and agent id that a dry run only thinks of. */
  readonly #imagined = new Set<string>();

  constructor(client: DocketClient) {
    this.#client = client;
  }

  /** Reads all groups, and all agents if `agents` asks for them; deleted ones too, since their names are never free again. */
  async load(agents: boolean): Promise<void> {
    const everything = { showDeleted: true, pageSize: PAGE_SIZE };
    for await (const group of this.#client.groups.listGroups(everything)) this.#addGroup(group);
    if (!agents) return;
    for await (const agent of this.#client.agents.listAgents(everything)) this.#agents.set(agent.agentId, agent);
  }

  /** The group that a file calls by this value. */
  findGroup(value: string): Group | undefined {
    return this.#groups.find(value);
  }

  /** The agent whom a file calls by this value. */
  findAgent(value: string): Agent | undefined {
    return this.#agents.get(value) ?? this.#agents.get(agentIdOf(value));
  }

  /** The groups that take tickets. */
  openGroups(): Group[] {
    return this.#groups.all().filter((group) => group.active && !group.deleteTime && group.groupId !== IMAGINED);
  }

  /** Makes the groups that are missing; with `validateOnly` only asks whether they could be made. Answers how many. */
  async createGroups(cast: Cast, validateOnly: boolean): Promise<number> {
    let made = 0;
    for (const [value, text] of cast.groups) {
      if (this.findGroup(value)) continue;
      const { group } = await this.#client.groups.createGroup({ group: { key: groupKeyOf(value), name: text.slice(0, 200) }, validateOnly });
      if (group) this.#addGroup(validateOnly ? { ...group, groupId: IMAGINED } : group);
      made += 1;
    }
    return made;
  }

  /**
   * Makes the agents that are missing, as members of the groups that they are seen in, and adds the others to
   * groups that they are missing from. Deleted agents and groups stay as they are. Answers how many agents were made
   * and how many memberships were added to agents that were there.
   */
  async createAgents(cast: Cast, validateOnly: boolean): Promise<{ made: number; added: number }> {
    const fresh: Agent[] = [];
    const joining = new Map<string, string[]>();
    for (const [value, { text, groups }] of cast.agents) {
      const known = this.findAgent(value);
      if (known?.deleteTime) continue;
      const agentId = known?.agentId ?? agentIdOf(value);
      const live = [...groups].map((group) => this.findGroup(group)).filter((group): group is Group => group !== undefined && !group.deleteTime);
      const missing = new Set(live.filter((group) => !known?.groupIds.includes(group.groupId)));
      if (validateOnly) for (const { key } of missing) this.#imagined.add(`${key} ${agentId}`);
      const groupIds = [...missing].map((group) => group.groupId).filter((groupId) => groupId !== IMAGINED);
      if (!known) {
        const agent = create(AgentSchema, { agentId, displayName: text.slice(0, 200), groupIds });
        fresh.push(agent);
        // Two names that make one id are one agent.
        this.#agents.set(agentId, agent);
      } else if (!validateOnly || !fresh.includes(known)) {
        for (const groupId of groupIds) joining.set(groupId, [...(joining.get(groupId) ?? []), agentId]);
      }
    }
    await eachOf(fresh, CREATIONS_AT_ONCE, async (agent) => {
      await this.#client.agents.createAgent({ agent, validateOnly });
    });
    return { made: fresh.length, added: await this.#addMembers(joining, validateOnly) };
  }

  /** Whether group and agent are there, and not only thought of by a dry run; the agent may be left out. */
  isReal(group: Group, agent: Agent | undefined): boolean {
    return group.groupId !== IMAGINED && !(agent && this.#imagined.has(`${group.key} ${agent.agentId}`));
  }

  async #addMembers(joining: ReadonlyMap<string, readonly string[]>, validateOnly: boolean): Promise<number> {
    let added = 0;
    for (const [groupId, all] of joining) {
      for (let from = 0; from < all.length; from += PAGE_SIZE) {
        const answer = await this.#client.groups.addGroupMembers({ groupId, agentIds: all.slice(from, from + PAGE_SIZE), validateOnly });
        added += answer.addedAgentIds.length;
      }
    }
    return added;
  }

  #addGroup(group: Group): void {
    this.#groups.add(group, { real: group.groupId !== IMAGINED, named: !group.deleteTime });
  }
}
