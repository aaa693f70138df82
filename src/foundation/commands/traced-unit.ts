import { sqlStateOf } from '../database/failures.ts';
import { type StatementWatch, watchStatements } from '../database/traced.ts';
import { endFailed, type SpanContext, type Tracing } from '../tracing.ts';
import type { Command } from './command.ts';

/** A unit of work as a span, with its statements below it. */
export interface TracedUnit {
  readonly span: SpanContext;
  readonly watch: StatementWatch;
  /** Says which commands it carries. */
  take(commands: readonly Command[]): void;
  /** Ends the span with the work. */
  around<Result>(work: Promise<Result>): Promise<Result>;
}

/** Links of a span are for looking around, not for counting: as many as collectors take. */
const MAX_LINKS = 128;

/**
 * A unit carries the changes of many callers in one commit. Its span lies in the trace of the first of those that were there when it began, and is linked to the
 * spans of all others.
 */
export function beginUnit(tracing: Tracing, expected: readonly Command[]): TracedUnit {
  const parent = expected.find((command) => command.trace)?.trace;
  const span = tracing.begin('unit of work', { parent });
  const context = span.spanContext();
  return {
    span: context,
    watch: watchStatements(tracing, context),
    take(commands) {
      span.setAttribute('docket.commands', commands.length);
      const others = commands.flatMap(({ trace }) => (trace && trace !== parent ? [{ context: trace }] : []));
      if (others.length > 0) span.addLinks(others.slice(0, MAX_LINKS));
    },
    async around(work) {
      try {
        const result = await work;
        span.end();
        return result;
      } catch (error) {
        endFailed(span, sqlStateOf(error) ?? (error instanceof Error ? error.name : 'unknown'));
        throw error;
      }
    },
  };
}
