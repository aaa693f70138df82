import type { IncomingMessage, ServerResponse } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** What is measured in this process, and how it is read. */
export interface Metrics {
  /**
   * Where instruments come from, by the name of the part that measures (`rpc`, `queue`, `pools` …). Names of
   * instruments start with `docket_` and end with their unit, as Prometheus wants them.
   */
  meter(part: string): Meter;
  /** Answers a scrape in the Prometheus text format; never throws. */
  answerScrape(request: IncomingMessage, response: ServerResponse): void;
  /** Stops measuring. */
  close(): Promise<void>;
}

/** Starts measuring. Nothing is sent anywhere: whoever wants the figures comes and reads them. */
export function makeMetrics(): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true, withoutTargetInfo: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const meter = provider.getMeter('process');
  meter
    .createObservableGauge('docket_process_resident_bytes', { description: 'Memory of the process' })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  meter
    .createObservableGauge('docket_process_event_loop_delay_seconds', { description: '99th percentile of how late the event loop was since the last scrape' })
    .addCallback((result) => {
      result.observe(delay.percentile(99) / 1e9);
      delay.reset();
    });
  return {
    meter: (part) => provider.getMeter(part),
    answerScrape: (request, response) => exporter.getMetricsRequestHandler(request, response),
    close: () => {
      delay.disable();
      return provider.shutdown();
    },
  };
}
