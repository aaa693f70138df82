import type { Duration } from '@bufbuild/protobuf/wkt';
import type { SimulatePolicyResponse } from '../../../../gen/ticketing/v1/assignment_service_pb.ts';
import type { SimulationOutcome, WaitFigures } from '../../../../gen/ticketing/v1/simulation_outcome_pb.ts';

/** What a rehearsal showed, as a table for people: a line for the baseline and for each scenario. */
export function printOutcomes(answer: SimulatePolicyResponse): string {
  const outcomes = [answer.baseline, ...answer.scenarios].filter((outcome) => outcome !== undefined);
  const isHandled = outcomes.some((outcome) => outcome.untilHandled);
  const heading = [
    '',
    'spread',
    'open spread',
    'longest run',
    'assigned p95',
    'unassigned',
    ...(isHandled ? ['handled p50', 'handled p95', 'unhandled'] : []),
    'moved',
  ];
  const lines = [heading, ...outcomes.map((outcome) => cells(outcome, isHandled))];
  const widths = heading.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const table = lines.map((line) =>
    line
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [...table, '', ...notes(answer)].join('\n');
}

function cells(outcome: SimulationOutcome, isHandled: boolean): string[] {
  const handled = isHandled ? [span(outcome.untilHandled?.p50), span(outcome.untilHandled?.p95), never(outcome.untilHandled)] : [];
  return [
    outcome.name || 'as it was',
    String(outcome.greatestAssignedSpread),
    String(outcome.greatestOpenSpread),
    String(outcome.longestRun),
    span(outcome.untilAssigned?.p95),
    never(outcome.untilAssigned),
    ...handled,
    outcome.difference ? String(outcome.difference.movedTicketCount) : '',
  ];
}

function notes(answer: SimulatePolicyResponse): string[] {
  const { ticketCount, eventCount, mismatchedTicketCount: mismatched } = answer;
  const lines = [`${ticketCount.toLocaleString('en')} tickets, ${eventCount.toLocaleString('en')} events.`];
  if (mismatched === 0) lines.push('The unchanged policy gives every decision again as it was made.');
  if (mismatched)
    lines.push(`The unchanged policy gives ${mismatched.toLocaleString('en')} tickets to others than really happened: rows were changed past the service.`);
  return lines;
}

const never = (waits: WaitFigures | undefined): string => String(waits?.neverCount ?? '');

/** `45 s`, `12 min`, `3.5 h`, `2.1 d`. */
function span(duration: Duration | undefined): string {
  if (!duration) return '';
  const seconds = Number(duration.seconds) + duration.nanos / 1e9;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} d`;
}
