import { checkDatabase, type Report } from '../../src/edge/cli/check-invariants.ts';
import { type OwnPostgres, startPostgres } from '../support/fleet/postgres.ts';
import { makeToken } from '../support/fleet/process.ts';
import { type Beliefs, furnish, work } from './callers.ts';
import { Fleet } from './fleet.ts';
import { Ledger } from './ledger.ts';
import { compare } from './proof.ts';

/** How long, how many, and how often something is killed. */
export interface SoakOptions {
  readonly seconds: number;
  readonly processes: number;
  readonly callers: number;
  /** Kills of processes, and of PostgreSQL, spread at random over the time. */
  readonly processKills: number;
  readonly databaseKills: number;
  /** Lets PostgreSQL write without waiting for the disk, which kills do not notice; for a test that must be quick. */
  readonly fast?: boolean;
  readonly log?: (line: string) => void;
}

/** What came of it. */
export interface SoakReport {
  readonly acknowledged: number;
  readonly acknowledgedPerSecond: number;
  readonly refused: number;
  readonly abandoned: number;
  readonly processKills: number;
  readonly databaseKills: number;
  /** Attempts beyond the first, by the status that made them necessary. */
  readonly retries: Readonly<Record<string, number>>;
  /** The longest that one call had to be repeated until it was answered, in milliseconds. */
  readonly longestOutageMs: number;
  /** Everything that should not have been, in words; empty when the service kept its promises. */
  readonly faults: readonly string[];
  readonly invariants: Report;
}

/**
 * Callers work on several processes over one PostgreSQL while both are killed and started again; then every
 * answer that a caller got is held against the database, and the invariants are checked. Whatever was
 * started is ended.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const log = options.log ?? (() => undefined);
  const postgres = await startPostgres(options.fast ? { fast: true } : {});
  const fleet = new Fleet(postgres.url);
  const endAll = (): void => fleet.killAll();
  process.once('exit', endAll);
  try {
    log(`${options.processes} processes start at once on an empty database`);
    await fleet.start(options.processes);
    const ledger = new Ledger(fleet, await makeToken(postgres.url));
    const floor = await furnish(ledger);
    log(`${options.callers} callers begin`);
    const startMs = performance.now();
    const isOver = (): boolean => performance.now() - startMs > options.seconds * 1000;
    const working = async (): Promise<{ beliefs: Beliefs[]; seconds: number }> => {
      const beliefs = await Promise.all(Array.from({ length: options.callers }, (_, at) => work(ledger, floor, at, options.callers, isOver)));
      ledger.end();
      return { beliefs, seconds: (performance.now() - startMs) / 1000 };
    };
    const [{ beliefs, seconds }, databaseKills] = await Promise.all([working(), harm({ postgres, fleet, ledger }, options, log)]);
    await fleet.stop();
    log('all callers have their answers, all processes have stopped; now comes the proof');
    return await report({ postgres, fleet, ledger, floor, beliefs, databaseKills, seconds });
  } finally {
    endAll();
    process.removeListener('exit', endAll);
    await postgres.remove();
  }
}

/**
 * Kills at the first answers after random moments of the given time, so that there is always work under way;
 * resolves with the kills of PostgreSQL, when all that was killed is back.
 */
async function harm(
  { postgres, fleet, ledger }: { readonly postgres: OwnPostgres; readonly fleet: Fleet; readonly ledger: Ledger },
  { seconds, processKills, databaseKills }: SoakOptions,
  log: (line: string) => void,
): Promise<number> {
  const startMs = performance.now();
  const moments = (count: number): number[] => Array.from({ length: count }, (_, at) => startMs + ((at + 0.2 + 0.6 * Math.random()) / count) * seconds * 1000);
  // One after the other: on a slow machine all would be down at once, and nothing would be tried.
  const ofProcesses = async (): Promise<void> => {
    for (const momentMs of moments(processKills)) {
      await ledger.answerFrom(momentMs);
      log('kill -9 of a process');
      await fleet.killOne();
    }
  };
  const ofDatabase = async (): Promise<void> => {
    for (const [at, momentMs] of moments(databaseKills).entries()) {
      await ledger.answerFrom(momentMs);
      const what = at % 2 === 0 ? 'server' : 'session';
      log(`kill -9 of PostgreSQL (${what === 'server' ? 'its first process' : 'one of its sessions'})`);
      await postgres.kill(what);
      await postgres.start();
    }
  };
  await Promise.all([ofProcesses(), ofDatabase()]);
  return databaseKills;
}

interface Ended {
  readonly postgres: OwnPostgres;
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly floor: Awaited<ReturnType<typeof furnish>>;
  readonly beliefs: readonly Beliefs[];
  readonly databaseKills: number;
  readonly seconds: number;
}

async function report({ postgres, fleet, ledger, floor, beliefs, databaseKills, seconds }: Ended): Promise<SoakReport> {
  const invariants = await checkDatabase(postgres.url);
  const violated = invariants.findings
    .filter(({ violations }) => violations > 0)
    .map(({ invariant, violations, first }) => `${invariant} is violated ${violations} times: ${first.join('; ')}`);
  const acknowledged = ledger.count('acknowledged');
  return {
    acknowledged,
    acknowledgedPerSecond: acknowledged / seconds,
    refused: ledger.count('refused'),
    abandoned: ledger.count('abandoned'),
    processKills: fleet.kills,
    databaseKills,
    retries: Object.fromEntries(ledger.retries),
    longestOutageMs: ledger.longestOutageMs,
    faults: [...ledger.faults, ...fleet.faults, ...(await compare(postgres, ledger, floor, beliefs)), ...violated],
    invariants,
  };
}
