import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectedGroups } from '../../../src/domain/groups/commands/split-pool.ts';

const bond = (group: string, agent: string | null) => ({ group_id: group, agent_id: agent });

describe('groups that agents connect', () => {
  it('keeps groups together that share an agent, directly or over others', () => {
    const sets = connectedGroups([bond('a', '1'), bond('b', '1'), bond('b', '2'), bond('c', '2'), bond('d', '3'), bond('e', null)]);
    expect(sets.map((set) => set.sort())).toEqual([['a', 'b', 'c'], ['d'], ['e']]);
  });

  it('never parts two groups with a common agent, and joins none without a path between them', () => {
    const bonds = fc.array(fc.record({ group_id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), agent_id: fc.option(fc.constantFrom('1', '2', '3', '4')) }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(bonds, (given) => {
        const sets = connectedGroups(given);
        const setOf = (group: string) => sets.findIndex((set) => set.includes(group));
        for (const x of given) for (const y of given) if (x.agent_id !== null && x.agent_id === y.agent_id) expect(setOf(x.group_id)).toBe(setOf(y.group_id));
        expect(sets.flat().sort()).toEqual([...new Set(given.map((one) => one.group_id))].sort());
        expect(sets.map((set) => set.sort().join()).sort()).toEqual(flood(given).sort());
      }),
    );
  });
});

/** The same by spreading from each group until nothing is added. */
function flood(bonds: readonly { group_id: string; agent_id: string | null }[]): string[] {
  const reach = (group: string): Set<string> => {
    const found = new Set([group]);
    for (let before = 0; before !== found.size; ) {
      before = found.size;
      const agents = new Set(bonds.filter((one) => found.has(one.group_id)).flatMap((one) => one.agent_id ?? []));
      for (const one of bonds) if (one.agent_id !== null && agents.has(one.agent_id)) found.add(one.group_id);
    }
    return found;
  };
  return [...new Set(bonds.map((one) => [...reach(one.group_id)].sort().join()))];
}
