import { Int32ValueSchema } from '@bufbuild/protobuf/wkt';
import { toTimestamp } from '../../../foundation/clock.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import { nextVersion } from '../../../foundation/etag.ts';
import { findPools } from '../../groups/index.ts';
import { agentsBecameCandidates } from '../events.ts';
import { lockAgents } from '../queries.ts';
import { afterwards, isSameInstant, takesTickets } from '../rules.ts';
import type { TimedAvailability } from './set-availability.ts';

/** Longest wait that is answered, in seconds: a day. */
const MAX_WAIT_SECONDS = 86_400;

/**
 * Ends an availability whose time is over, unless another one was set meanwhile. Answers 0, or in how
 * many seconds (at most a day) to come back when its time is not over yet.
 */
export const endAvailability = loneCommand<TimedAvailability, typeof Int32ValueSchema>({
  name: 'EndAvailability',
  answer: Int32ValueSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ agentId }) => ({ agentIds: [agentId] })),
    ),
  async plan(unit, { agentId, untilTime }) {
    const agent = (await lockAgents(unit, [agentId])).get(agentId);
    if (!agent || !isSameInstant(agent.availabilityUntilTime, untilTime)) return { answer: { value: 0 } };
    const [poolIds = []] = await findPools(unit.sql, [{ agentIds: [agentId] }]);
    assertPoolsHeld(unit, poolIds);
    const waitSeconds = secondsUntil(untilTime, unit.now);
    if (waitSeconds > 0) return { answer: { value: Math.min(waitSeconds, MAX_WAIT_SECONDS) } };
    return {
      answer: { value: 0 },
      async write() {
        unit.em.assign(agent, {
          availability: afterwards(agent.availability),
          availabilityUntilTime: null,
          ...nextVersion(unit.now, agent),
        });
        await unit.em.flush();
        if (takesTickets(agent)) await unit.announce(agentsBecameCandidates, { agentIds: [agentId] });
        return undefined;
      },
    };
  },
});

function secondsUntil(instant: string, now: string): number {
  const [end, start] = [toTimestamp(instant), toTimestamp(now)];
  return Math.ceil(Number(end.seconds - start.seconds) + (end.nanos - start.nanos) / 1e9);
}
