import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Duration, durationFromMs, type Timestamp, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { SimulatePolicyRequestSchema } from '../../gen/ticketing/v1/assignment_service_pb.ts';
import type { SimulationEventSchema } from '../../gen/ticketing/v1/simulation_event_pb.ts';
import { type SimulatedRosterSchema, type SimulationSetupSchema, SpanDistribution } from '../../gen/ticketing/v1/simulation_pb.ts';

/** A message of a rehearsal, as `create` takes it. */
export type Request = MessageInitShape<typeof SimulatePolicyRequestSchema>;
export type Setup = MessageInitShape<typeof SimulationSetupSchema>;
type Event = MessageInitShape<typeof SimulationEventSchema>;

/** The message with the set-up. */
export const setup = (value: Setup): Request => ({ message: { case: 'setup', value } });

/** A message with events. */
export const events = (list: readonly Event[]): Request => ({ message: { case: 'events', value: { events: [...list] } } });

/** `9:30` of a Monday in March 2026, in UTC; hours past 24 are of the days after. */
export function at(clock: string): Timestamp {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return timestampFromDate(new Date(Date.UTC(2026, 2, 2, hours, minutes, seconds)));
}

/** `9:30` as a span from midnight. */
export function span(clock: string): Duration {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return durationFromMs((hours * 60 + minutes) * 60_000);
}

/** Minutes of a span. */
export const minutes = (duration: Duration | undefined): number => Number(duration?.seconds ?? 0n) / 60 + (duration?.nanos ?? 0) / 6e10;

/** Agents of one group G. */
export const teamOf = (...agentIds: string[]): MessageInitShape<typeof SimulatedRosterSchema> => ({
  groups: [{ groupId: 'G' }],
  agents: agentIds.map((agentId) => ({ agentId, groupIds: ['G'] })),
});

/** The model day of the documentation: ten agents, sixty tickets an hour from 8:00 to 17:00, and one who comes four hours late. */
export function lateDay(meanMinutes: number, handling: SpanDistribution = SpanDistribution.EXPONENTIAL): Setup {
  const agents = Array.from({ length: 10 }, (_, index) => ({
    agentId: `agent-${index}`,
    groupIds: ['G'],
    workingHours: { arrives: span(index === 9 ? '12:00' : '8:00'), leaves: span('24:00') },
  }));
  return {
    source: {
      case: 'pattern',
      value: {
        roster: { groups: [{ groupId: 'G' }], agents },
        startTime: at('8:00'),
        endTime: at('17:00'),
        arrivals: [{ groupId: 'G', ticketsPerHour: 60 }],
        seed: 1,
      },
    },
    handling: { mean: durationFromMs(meanMinutes * 60_000), distribution: handling, seed: 1 },
    scenarios: [{ name: 'level', policies: [{ assignmentPolicy: { catchUpLimit: 0 } }] }],
  };
}
