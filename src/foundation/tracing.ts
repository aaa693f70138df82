import { type Attributes, isSpanContextValid, type Span, type SpanContext, type SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';

export { type Span, type SpanContext, SpanKind } from '@opentelemetry/api';

/** How a span begins. */
export interface Beginning {
  readonly kind?: SpanKind;
  /** Another process's or this one's; undefined begins a trace. */
  readonly parent?: SpanContext | undefined;
  /** Never anything of a request or a row: names and counts. */
  readonly attributes?: Attributes;
}

/**
 * Spans, told to a collector in batches. Parents are handed on by hand, in the values that are handed on anyway (a call, a command, the data of a job): nothing
 * follows the flow of control, and where tracing is off there is nothing at all.
 */
export interface Tracing {
  begin(name: string, how?: Beginning): Span;
  /** Tells what is left, for a few seconds at most. */
  close(): Promise<void>;
}

/** Ends a span as failed, by a name of the failure. */
export function endFailed(span: Span, name: string): void {
  span.setAttribute('error.type', name);
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** What a `traceparent` of the W3C says; undefined when it says nothing that counts. */
export function readTraceParent(text: string | undefined): SpanContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', rest] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text?.trim() ?? '') ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  const context: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** The same, to be read elsewhere. */
export const writeTraceParent = ({ traceId, spanId, traceFlags }: SpanContext): string => `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
