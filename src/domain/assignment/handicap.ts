import type { Unit } from '../../foundation/commands/command.ts';
import { loadRoster } from './load-roster.ts';
import { factsOf, type RosterAgent, type RosterGroup } from './roster.ts';
import { compareIds } from './rules.ts';
import { STRATEGIES } from './strategies.ts';

/** An agent who became a candidate of a group: available again, joined, undeleted. */
export interface Newcomer {
  readonly agentId: string;
  readonly groupId: string;
}

/** What a newcomer is charged for the rest of the day. */
export interface Charge extends Newcomer {
  readonly handicap: number;
  readonly businessDay: string;
}

/** Charges newcomers with their handicap and stores it. */
export async function chargeHandicaps(unit: Unit, newcomers: readonly Newcomer[]): Promise<void> {
  const { groups } = await loadRoster(unit);
  await storeHandicaps(unit, measureHandicaps(groups, newcomers));
}

/**
 * Charges newcomers in a roster with their handicap for the rest of the day, one after another in the order of their
 * ids: each is measured, as the group's strategy has it, against those who are available and were there before him.
 * Answers what changed.
 */
export function measureHandicaps(groups: ReadonlyMap<string, RosterGroup>, newcomers: readonly Newcomer[]): Charge[] {
  const ordered = [...newcomers].sort((a, b) => compareIds(a.groupId, b.groupId) || compareIds(a.agentId, b.agentId));
  const charged: Charge[] = [];
  for (const [groupId, arrivals] of Map.groupBy(ordered, (newcomer) => newcomer.groupId)) {
    const group = groups.get(groupId);
    if (!group) continue;
    const notYet = new Set(arrivals.map((arrival) => arrival.agentId));
    for (const { agentId } of arrivals) {
      const agent = group.members.find((member) => member.agentId === agentId);
      if (!agent || !isPresent(agent)) continue;
      const others = group.members.filter((member) => isPresent(member) && !notYet.has(member.agentId));
      notYet.delete(agentId);
      const { strategy, catchUpLimit } = group.policy;
      const facts = others.map((other) => factsOf(other, group, 0));
      const handicap = catchUpLimit === null ? 0 : STRATEGIES[strategy].handicap(factsOf(agent, group, 0), facts, catchUpLimit);
      if (handicap === (group.handicaps.get(agentId) ?? 0)) continue;
      group.handicaps.set(agentId, handicap);
      charged.push({ agentId, groupId, handicap, businessDay: group.businessDay });
    }
  }
  return charged;
}

/** Available, whatever his room and skills. */
const isPresent = (agent: RosterAgent): boolean => agent.active && !agent.deleted && agent.availability === 'AVAILABLE';

async function storeHandicaps(unit: Unit, charged: readonly Charge[]): Promise<void> {
  const raised = charged.filter((newcomer) => newcomer.handicap > 0);
  const ended = charged.filter((newcomer) => newcomer.handicap === 0);
  if (ended.length > 0) {
    await unit.sql(
      'DELETE FROM handicaps h USING unnest($1::uuid[], $2::text[]) AS ended(group_id, agent_id) WHERE h.group_id = ended.group_id AND h.agent_id = ended.agent_id',
      [ended.map((newcomer) => newcomer.groupId), ended.map((newcomer) => newcomer.agentId)],
    );
  }
  if (raised.length > 0) {
    await unit.sql(
      `INSERT INTO handicaps (group_id, agent_id, business_day, handicap)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::integer[])
       ON CONFLICT (group_id, agent_id) DO UPDATE SET business_day = excluded.business_day, handicap = excluded.handicap`,
      [
        raised.map((newcomer) => newcomer.groupId),
        raised.map((newcomer) => newcomer.agentId),
        raised.map((newcomer) => newcomer.businessDay),
        raised.map((newcomer) => newcomer.handicap),
      ],
    );
  }
}
