import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { AssignmentPolicy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { SimulatePolicyResponseSchema } from '../../../gen/ticketing/v1/assignment_service_pb.ts';
import type { SimulationDifferenceSchema, SimulationOutcomeSchema, WaitFiguresSchema } from '../../../gen/ticketing/v1/simulation_outcome_pb.ts';
import { type HandlingModel, SpanDistribution, type WorkingHours as WorkingHoursMessage } from '../../../gen/ticketing/v1/simulation_pb.ts';
import type { Policy } from '../assignment/index.ts';
import { assertCatchUpLimit, strategyOf } from '../groups/index.ts';
import type { RunFigures, Sample, Waits } from './figures.ts';
import type { Distribution } from './pattern.ts';
import type { Handling, PlayResult } from './player.ts';
import type { Outcome } from './rehearsal.ts';
import type { WorkingHours } from './shifts.ts';
import type { Moment } from './steps.ts';

export const toMoment = (time: Timestamp): Moment => Number(time.seconds) * 1000 + time.nanos / 1e6;

export const toMs = (span: Duration): number => Number(span.seconds) * 1000 + span.nanos / 1e6;

/** The policy that a message means, whatever version; throws InvalidField for one that no group could have. */
export function toPolicy(policy: AssignmentPolicy | undefined, field: string): Policy {
  const strategy = strategyOf(policy?.strategy);
  assertCatchUpLimit(field, strategy, policy?.catchUpLimit);
  return {
    strategy,
    version: 0,
    catchUpLimit: policy?.catchUpLimit ?? null,
    maxOpenPerAgent: policy?.maxOpenPerAgent ?? null,
    requiredSkills: { ...policy?.requiredSkills },
    skillRelaxationSeconds: policy?.skillRelaxation ? toMs(policy.skillRelaxation) / 1000 : null,
    preferPreviousAgent: policy?.preferPreviousAgent ?? true,
  };
}

export function toWorkingHours(hours: WorkingHoursMessage): WorkingHours {
  const [arriveMs, leaveMs] = [hours.arrives, hours.leaves].map((span) => (span ? toMs(span) : 0)) as [number, number];
  return { arriveMs, leaveMs, dealsOut: hours.reassignPending };
}

export const toHandling = (model: HandlingModel | undefined): Handling | undefined =>
  model && { meanMs: model.mean ? toMs(model.mean) : 0, distribution: toDistribution(model.distribution), seed: model.seed };

export const toDistribution = (asked: SpanDistribution): Distribution => (asked === SpanDistribution.CONSTANT ? 'CONSTANT' : 'EXPONENTIAL');

/** The answer to a rehearsal. */
export function toResponse(result: PlayResult): MessageInitShape<typeof SimulatePolicyResponseSchema> {
  const [baseline, ...scenarios] = result.outcomes as [Outcome, ...Outcome[]];
  return {
    baseline: toOutcome(baseline, undefined),
    scenarios: scenarios.map((outcome) => toOutcome(outcome, baseline)),
    ticketCount: result.tickets,
    eventCount: result.events,
    startTime: toTimestamp(result.startTime),
    endTime: toTimestamp(result.endTime),
    ...(result.mismatched === undefined ? {} : { mismatchedTicketCount: result.mismatched }),
  };
}

function toOutcome({ figures, movedTickets }: Outcome, baseline: Outcome | undefined): MessageInitShape<typeof SimulationOutcomeSchema> {
  const before = new Map(baseline?.figures.loads.map((load) => [load.agentId, load.assigned]));
  const loads = [...figures.loads];
  const told = new Set(loads.map((load) => load.agentId));
  for (const agentId of before.keys()) {
    if (!told.has(agentId)) loads.push({ agentId, assigned: 0, ended: 0, open: 0, mostOpen: 0, longestRun: 0 });
  }
  const longest = longestRun(figures);
  return {
    name: figures.name,
    loads: loads
      .sort((a, b) => (a.agentId < b.agentId ? -1 : 1))
      .map((load) => ({
        agentId: load.agentId,
        assignedCount: load.assigned,
        endedCount: load.ended,
        openCount: load.open,
        mostOpenCount: load.mostOpen,
        longestRun: load.longestRun,
        assignedChange: baseline ? load.assigned - (before.get(load.agentId) ?? 0) : 0,
      })),
    samples: figures.samples.map((sample) => ({
      sampleTime: toTimestamp(sample.time),
      assignedSpread: sample.assignedSpread,
      openSpread: sample.openSpread,
      waitingCount: sample.waiting,
    })),
    greatestAssignedSpread: greatest(figures, 'assignedSpread'),
    greatestOpenSpread: greatest(figures, 'openSpread'),
    longestRun: longest.length,
    longestRunAgentId: longest.agentId,
    untilAssigned: toWaits(figures.untilAssigned),
    ...(figures.untilHandled ? { untilHandled: toWaits(figures.untilHandled) } : {}),
    ...(baseline ? { difference: toDifference(figures, baseline.figures, movedTickets) } : {}),
  };
}

function toDifference(now: RunFigures, before: RunFigures, movedTickets: number): MessageInitShape<typeof SimulationDifferenceSchema> {
  const handled = now.untilHandled &&
    before.untilHandled && {
      meanUntilHandledChange: toDuration(now.untilHandled.meanMs - before.untilHandled.meanMs),
      p95UntilHandledChange: toDuration(now.untilHandled.p95Ms - before.untilHandled.p95Ms),
    };
  return {
    movedTicketCount: movedTickets,
    assignedSpreadChange: greatest(now, 'assignedSpread') - greatest(before, 'assignedSpread'),
    openSpreadChange: greatest(now, 'openSpread') - greatest(before, 'openSpread'),
    longestRunChange: longestRun(now).length - longestRun(before).length,
    meanUntilAssignedChange: toDuration(now.untilAssigned.meanMs - before.untilAssigned.meanMs),
    p95UntilAssignedChange: toDuration(now.untilAssigned.p95Ms - before.untilAssigned.p95Ms),
    ...handled,
  };
}

function longestRun({ loads }: RunFigures): { readonly agentId: string; readonly length: number } {
  let longest = { agentId: '', length: 0 };
  for (const { agentId, longestRun: length } of loads) if (length > longest.length) longest = { agentId, length };
  return longest;
}

const greatest = ({ samples }: RunFigures, spread: 'assignedSpread' | 'openSpread'): number =>
  samples.reduce((most, sample: Sample) => Math.max(most, sample[spread]), 0);

const toWaits = (waits: Waits): MessageInitShape<typeof WaitFiguresSchema> => ({
  endedCount: waits.count,
  neverCount: waits.never,
  mean: toDuration(waits.meanMs),
  p50: toDuration(waits.p50Ms),
  p95: toDuration(waits.p95Ms),
  longest: toDuration(waits.maxMs),
});

/** To the millisecond; seconds and nanoseconds of one sign, as the form asks for. */
function toDuration(ms: number): Duration {
  const whole = Math.round(ms);
  const seconds = Math.trunc(whole / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: (whole - seconds * 1000) * 1_000_000 });
}

function toTimestamp(moment: Moment): Timestamp {
  const seconds = Math.floor(moment / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: Math.floor((moment - seconds * 1000) * 1000) * 1000 });
}
