import type { ServiceProcess } from '../service.ts';
import { cpuSecondsOf, familyCpuSeconds } from './processes.ts';

/** What PostgreSQL's own books say at a moment, about the whole server. */
export interface ServerReading {
  /** Bytes of write-ahead log written since the server was made. */
  readonly walBytes: number;
  /** Transactions that wrote something; numbered by PostgreSQL one by one. */
  readonly writingTransactions: number;
}

/** The PostgreSQL under measurement, as far as its meters go. */
export interface MeteredServer {
  /** Its first process. */
  readonly pid: number;
  read(): Promise<ServerReading>;
}

/** Every meter at one moment. */
export interface Reading extends ServerReading {
  readonly serviceCpuSeconds: number;
  readonly databaseCpuSeconds: number;
  /** Units of work and the commands in them, by the service's own count. */
  readonly batches: number;
  readonly commands: number;
}

/** Reads every meter: of PostgreSQL, and of the processes of one contender. */
export async function readMeters(server: MeteredServer, processes: readonly Pick<ServiceProcess, 'pid' | 'metrics'>[]): Promise<Reading> {
  const scrapes = await Promise.all(processes.map((process) => process.metrics()));
  const total = (name: string): number => scrapes.reduce((sum, text) => sum + metricOf(text, name), 0);
  return {
    ...(await server.read()),
    serviceCpuSeconds: processes.reduce((sum, { pid }) => sum + cpuSecondsOf(pid), 0),
    databaseCpuSeconds: familyCpuSeconds(server.pid),
    batches: total('docket_batch_commands_count'),
    commands: total('docket_batch_commands_sum'),
  };
}

/** The value of a metric without labels in Prometheus' text; 0 when it is not there. */
export function metricOf(scrape: string, name: string): number {
  return Number(new RegExp(`^${name}(?:\\{\\})? (\\S+)`, 'm').exec(scrape)?.[1] ?? 0);
}
