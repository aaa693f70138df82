import { endFailed, type SpanContext, SpanKind, type Tracing } from '../tracing.ts';
import { sqlStateOf } from './failures.ts';
import type { Sql } from './sql.ts';

/** Sees each statement of a transaction as it is handed over. */
export type StatementWatch = (text: string, answer: Promise<unknown>) => void;

/** A span for each statement. It tells what kind of statement it is, and of which table: no text and no values. */
export function watchStatements(tracing: Tracing, parent: SpanContext): StatementWatch {
  return (text, answer) => {
    const name = summaryOf(text);
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': name };
    const span = tracing.begin(name, { kind: SpanKind.CLIENT, parent, attributes });
    answer.then(
      () => span.end(),
      (error: unknown) => endFailed(span, sqlStateOf(error) ?? 'lost'),
    );
  };
}

/** The same for single statements. */
export function tracedSql(sql: Sql, tracing: Tracing, parent: SpanContext): Sql {
  const watch = watchStatements(tracing, parent);
  return <Row>(text: string, values?: readonly unknown[]) => {
    const answer = sql<Row>(text, values);
    watch(text, answer);
    return answer;
  };
}

const summaries = new Map<string, string>();
/** Texts are as many as the source has; filters make more, which are looked at anew. */
const KEPT_SUMMARIES = 1_000;

function summaryOf(text: string): string {
  const known = summaries.get(text);
  if (known !== undefined) return known;
  const verb = /\b(INSERT INTO|UPDATE|DELETE FROM)\s+("?[\w.]+"?)/i.exec(text) ?? /\b(FROM)\s+("?[\w.]+"?)/i.exec(text);
  const first = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'SQL';
  const changes = verb !== null && verb[1]?.toUpperCase() !== 'FROM';
  const summary = verb === null ? first : `${changes ? verb[1]?.toUpperCase() : 'SELECT'} ${verb[2]?.replaceAll('"', '')}`;
  if (summaries.size < KEPT_SUMMARIES) summaries.set(text, summary);
  return summary;
}
