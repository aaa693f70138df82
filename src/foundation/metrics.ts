import type { IncomingMessage, ServerResponse } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { type IMetricReader, MeterProvider } from '@opentelemetry/sdk-metrics';
import { newId } from './ids.ts';

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

/** What a further reader could not pass on by then is lost, in milliseconds. */
const CLOSE_MS = 2_000;

/** Who else reads the figures, and the service's name in them. */
export interface FurtherReader {
  readonly reader: IMetricReader;
  readonly serviceName: string;
}

/** Starts measuring. Whoever wants the figures comes and reads them; nothing is sent anywhere but by a further reader. */
export function makeMetrics(further?: FurtherReader): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true, withoutTargetInfo: true });
  const provider = new MeterProvider({
    readers: further ? [exporter, further.reader] : [exporter],
    // Each process has figures of its own, which must not be taken for those of another.
    ...(further && { resource: resourceFromAttributes({ 'service.name': further.serviceName, 'service.instance.id': newId() }) }),
  });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const meter = provider.getMeter('process');
  meter
    .createObservableGauge('docket_process_resident_bytes', { description: 'Memory of the process' })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  meter
    .createObservableGauge('docket_process_event_loop_delay_seconds', {
      description: '99th percentile of how late the event loop was since this was last read',
    })
    .addCallback((result) => {
      result.observe(delay.percentile(99) / 1e9);
      delay.reset();
    });
  return {
    meter: (part) => provider.getMeter(part),
    answerScrape: (request, response) => exporter.getMetricsRequestHandler(request, response),
    close: () => {
      delay.disable();
      return provider.shutdown({ timeoutMillis: CLOSE_MS }).catch(() => undefined);
    },
  };
}
