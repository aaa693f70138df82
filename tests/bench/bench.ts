import { statfs } from 'node:fs/promises';
import { BYTES_PER_TICKET, generate } from './generate/generate.ts';
import { type LoadProcess, startLoad } from './load/load-process.ts';
import type { LoadOrder } from './load/subject.ts';
import { type Contender, type Pace, type Turn, takeTurn, takeTurns } from './measure/turns.ts';
import type { BenchOptions } from './options.ts';
import type { Row } from './outcome.ts';
import type { BenchServer } from './server.ts';
import { furnish, openSite, type Site, type SiteOptions, type Staff } from './site.ts';

/** What generated databases have besides their tickets. */
export const STOCK_STAFF: Staff = { groups: 10, agentsPerGroup: 10 };
/** Room for PostgreSQL's log and its temporary files beside the tickets. */
const SPARE_BYTES = 12 * 2 ** 30;

/** What every scenario measures with. */
export class Bench {
  readonly server: BenchServer;
  readonly options: BenchOptions;
  readonly log: (line: string) => void;
  readonly #directory: string;
  readonly #stock = new Map<number, Site>();
  #sites: Site[] = [];
  #endings: (() => Promise<void>)[] = [];
  #databases = 0;

  constructor(server: BenchServer, options: BenchOptions, directory: string, log: (line: string) => void) {
    this.server = server;
    this.options = options;
    this.#directory = directory;
    this.log = log;
  }

  /** An empty database, dropped after the scenario. Not checked: for competitors. */
  async createDatabase(name: string): Promise<string> {
    const url = await this.server.createDatabase(`${name}_${++this.#databases}`);
    this.atEnd(() => this.server.dropDatabase(url));
    return url;
  }

  /** Docket over a database of its own, with groups and agents; checked and dropped after the scenario. */
  async openSite(staff: Staff, options: Pick<SiteOptions, 'processes' | 'program'> = {}): Promise<Site> {
    const databaseUrl = await this.server.createDatabase(`docket_${++this.#databases}`);
    const site = await openSite({ ...options, databaseUrl, logDirectory: this.#directory }, (call) => furnish(call, staff));
    this.#sites.push(site);
    // Fresh statistics, as autovacuum would have them in a while.
    await this.server.sql(databaseUrl, 'VACUUM ANALYZE');
    return site;
  }

  /** Docket over a database that began with so many tickets. Made once, kept for other scenarios, and checked at the end of the run. */
  async openStockedSite(tickets: number): Promise<Site> {
    const known = this.#stock.get(tickets);
    if (known) return known;
    await this.#assertRoomFor(tickets);
    const startMs = performance.now();
    const databaseUrl = await this.server.createDatabase(`stocked_${tickets}`);
    await generate(databaseUrl, { tickets, ...STOCK_STAFF });
    const [size] = await this.server.sql<{ bytes: string }>(databaseUrl, 'SELECT pg_database_size(current_database()) AS bytes');
    this.log(
      `  ${tickets} tickets generated in ${((performance.now() - startMs) / 1000).toFixed(0)} s, ${(Number(size?.bytes) / 2 ** 30).toFixed(1)} GiB on disk`,
    );
    const site = await openSite({ databaseUrl, logDirectory: this.#directory }, async () => {
      const groups = await this.server.sql<{ group_id: string }>(databaseUrl, 'SELECT group_id FROM docket.groups ORDER BY key');
      return groups.map((group) => group.group_id);
    });
    site.acknowledged = tickets;
    this.#stock.set(tickets, site);
    return site;
  }

  /** A load process that ends with the scenario. */
  async startLoad(order: LoadOrder): Promise<LoadProcess> {
    const load = await startLoad(order);
    this.atEnd(() => load.close());
    return load;
  }

  /** Has something ended after the scenario; what came last ends first. */
  atEnd(end: () => Promise<void>): void {
    this.#endings.push(end);
  }

  /** Drives contenders in turn, then counts the statements of those whose database is given. */
  async compare(contenders: readonly (Contender & { readonly databaseUrl?: string })[], pace: Pace = this.options.pace): Promise<Row[]> {
    const turns = await takeTurns(this.server, contenders, pace, this.log);
    const rows: Row[] = [];
    for (const contender of contenders) {
      const statements = contender.databaseUrl === undefined ? undefined : await this.#countStatements(contender, contender.databaseUrl);
      rows.push({ contender, turns: turns.get(contender) as Turn[], ...(statements === undefined ? {} : { statements }) });
    }
    return rows;
  }

  /** How many updates of the counters stayed in their page, in words: all should, since no index is on a counter. */
  async hotUpdates(site: Site): Promise<string> {
    const [row] = await this.server.sql<{ updates: string; hot: string }>(
      site.databaseUrl,
      `SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE schemaname = 'docket' AND relname = 'agent_counters'`,
    );
    return `HOT updates of agent_counters: ${((100 * Number(row?.hot)) / Number(row?.updates)).toFixed(1)} % of ${row?.updates}`;
  }

  /** Ends what the scenario started, and hands over its sites to be checked. */
  async endScenario(): Promise<Site[]> {
    for (const end of this.#endings.splice(0).reverse()) await end();
    return this.#sites.splice(0);
  }

  /** Hands over the stocked sites to be checked, at the end of the run. */
  endRun(): Site[] {
    const sites = [...this.#stock.values()];
    this.#stock.clear();
    return sites;
  }

  async #countStatements(contender: Contender, databaseUrl: string): Promise<number> {
    let units = 0;
    const statements = await this.server.countStatements(databaseUrl, async () => {
      const turn = await takeTurn(this.server, contender, Math.min(2, this.options.pace.seconds));
      units = turn.samplesMs.length * contender.unitsPerCall;
    });
    return statements / units;
  }

  async #assertRoomFor(tickets: number): Promise<void> {
    const needed = tickets * BYTES_PER_TICKET + (tickets >= 1_000_000 ? SPARE_BYTES : 0);
    const { bavail, bsize } = await statfs(this.#directory);
    const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    this.log(`  ${tickets} tickets to be generated need ${gib(needed)} of disk; ${gib(bavail * bsize)} are free`);
    if (needed > bavail * bsize) throw new Error(`${this.#directory} has no room for ${tickets} tickets; --largest makes fewer, TMPDIR puts them elsewhere`);
  }
}
