import { Availability } from '../../../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import type { FindService } from '../reach.ts';
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
