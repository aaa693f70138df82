import { AggregationTemporalityPreference, OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { type IMetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

/** Where metrics go, and how often. */
export interface MetricExport {
  /** Takes OTLP over HTTP by POST, for instance `http://collector:4318/v1/metrics`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Between two exports, in milliseconds. */
  readonly intervalMs: number;
}

const EXPORT_TIMEOUT_MS = 5_000;

/** Sends what is measured to a collector at intervals, and once more at the end. One that cannot be reached misses figures; nothing waits for it. */
export function makeMetricExport({ url, headers, intervalMs }: MetricExport): IMetricReader {
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({
      url,
      headers: { ...headers },
      timeoutMillis: EXPORT_TIMEOUT_MS,
      temporalityPreference: AggregationTemporalityPreference.CUMULATIVE,
    }),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(EXPORT_TIMEOUT_MS, intervalMs),
  });
}
