import { AgentSchema, Availability } from '../../../../gen/ticketing/v1/agent_pb.ts';
import { AgentService, type SetAvailabilityResponse } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import type { FindService } from '../reach.ts';
import { fieldsOf } from '../rpc/answer.ts';
import { makeRpcCommand, timeOf } from '../rpc/command.ts';
import { text, textOf } from '../rpc/session.ts';
import { agentArgument } from './read.ts';

const nameOf = { AVAILABLE: 'back', AWAY: 'away', OFFLINE: 'offline' } as const;

/** `docket agents away|offline|back AGENT` */
export function makeAvailabilityCommand(find: FindService, availability: 'AVAILABLE' | 'AWAY' | 'OFFLINE', description: string) {
  const leaves = availability !== 'AVAILABLE';
  const name = nameOf[availability];
  return makeRpcCommand(find, {
    method: AgentService.method.setAvailability,
    description,
    explanation: {
      examples: leaves
        ? [`agents ${name} ada --deal-out --reason "ill this week"`, `agents ${name} ada --until 2026-11-30T09:00:00+01:00`]
        : [`agents ${name} ada`],
    },
    args: {
      agent: agentArgument,
      ...(leaves && {
        'deal-out': { type: 'boolean', description: 'Deal his pending tickets out to the others at once' } as const,
        until: text('Back by himself at this time', 'time'),
      }),
    },
    tell(answer, values) {
      const fields = answer.agent ? fieldsOf(AgentSchema, answer.agent) : '';
      return leaves && values['validate-only'] !== true ? `${fields}\n\n${tellDealing(answer, values['deal-out'] === true)}` : fields;
    },
    request(values) {
      const until = textOf(values, 'until');
      return {
        agentId: textOf(values, 'agent') ?? '',
        availability: Availability[availability],
        reassignPending: values['deal-out'] === true,
        ...(until !== undefined && { until: timeOf('until', until) }),
      };
    },
  });
}

/** What became of the tickets of somebody who left. */
function tellDealing({ agent, reassignedCount, waitingCount }: SetAvailabilityResponse, dealsOut: boolean): string {
  const kept = agent?.openTickets ?? 0;
  if (!dealsOut) return kept === 0 ? 'He has no pending tickets.' : `He keeps his pending tickets (${kept}); --deal-out gives them to others.`;
  const done = `Of his pending tickets ${reassignedCount} went to others, ${waitingCount} wait: nobody could take them.`;
  if (kept === 0) return done;
  return `${done}\nNot finished: ${kept} more are dealt out by and by; \`docket agents workload ${agent?.agentId}\` shows how many are left.`;
}
