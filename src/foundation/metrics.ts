import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** What is measured in this process, and how it is read. */
export interface Metrics {
  /**
   * Where instruments come from, by the name of the part that measures (`rpc`, `queue`, `pools` …). Names of
   * instruments start with `docket.` and end with no unit: the unit is said beside the name.
   */
  meter(part: string): Meter;
  /** Answers a scrape in the Prometheus text format; never throws. */
  answerScrape(request: IncomingMessage, response: ServerResponse): void;
  /** Stops measuring. */
  close(): Promise<void>;
}

/** Starts measuring. Nothing is sent anywhere: whoever wants the figures comes and reads them. */
export function makeMetrics(): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const provider = new MeterProvider({ readers: [exporter] });
  return {
    meter: (part) => provider.getMeter(part),
    answerScrape: (request, response) => exporter.getMetricsRequestHandler(request, response),
    close: () => provider.shutdown(),
  };
}
