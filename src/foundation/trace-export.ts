import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Tracing } from './tracing.ts';

/** Where traces go. */
export interface TracingOptions {
  /** Takes OTLP over HTTP by POST, for instance `http://collector:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** The share of traces that begin here which are kept, from 0 to 1; those that callers began are as they decided. */
  readonly ratio: number;
  /** How long spans wait for others before they are sent, in milliseconds. */
  readonly delayMs: number;
}

/** What is not told to the collector by then is lost, in milliseconds. */
const EXPORT_TIMEOUT_MS = 5_000;
const CLOSE_MS = 2_000;

/** Starts it. A collector that cannot be reached costs spans, never calls. */
export function startTracing({ url, headers, serviceName, ratio, delayMs }: TracingOptions): Tracing {
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: delayMs, exportTimeoutMillis: EXPORT_TIMEOUT_MS })],
  });
  const tracer = provider.getTracer('docket');
  return {
    begin: (name, { kind = SpanKind.INTERNAL, parent, attributes } = {}) =>
      tracer.startSpan(name, { kind, ...(attributes && { attributes }) }, parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT),
    async close() {
      await provider.forceFlush({ timeoutMillis: CLOSE_MS }).catch(() => undefined);
      await provider.shutdown().catch(() => undefined);
    },
  };
}
