import { type LoadProcess, startLoad } from './load/load-process.ts';
import type { LoadOrder } from './load/subject.ts';
import type { Contender, Turn } from './measure/turns.ts';
import { takeTurn, takeTurns } from './measure/turns.ts';
import type { BenchOptions } from './options.ts';
import type { Row } from './outcome.ts';
import type { BenchServer } from './server.ts';
import { openSite, type Site, type SiteOptions } from './site.ts';

/** What every scenario measures with. */
export class Bench {
  readonly server: BenchServer;
  readonly options: BenchOptions;
  readonly log: (line: string) => void;
  readonly directory: string;
  readonly sites: Site[] = [];
  #endings: (() => Promise<void>)[] = [];
  #databases = 0;

  constructor(server: BenchServer, options: BenchOptions, directory: string, log: (line: string) => void) {
    this.server = server;
    this.options = options;
    this.directory = directory;
    this.log = log;
  }

  /** An empty database, dropped after the scenario. Not checked: for competitors. */
  async createDatabase(name: string): Promise<string> {
    const url = await this.server.createDatabase(`${name}_${++this.#databases}`);
    this.atEnd(() => this.server.dropDatabase(url));
    return url;
  }

  /** Docket over a database of its own, with its groups and agents; checked and dropped after the scenario. */
  async openSite(options: SiteOptions): Promise<Site> {
    const databaseUrl = await this.server.createDatabase(`docket_${++this.#databases}`);
    const site = await openSite({ ...options, databaseUrl, logDirectory: this.directory, server: this.server });
    this.sites.push(site);
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
  async compare<Some extends Contender & { readonly databaseUrl?: string }>(contenders: readonly Some[]): Promise<Row[]> {
    const turns = await takeTurns(this.server, contenders, this.options.pace, this.log);
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

  async #countStatements(contender: Contender, databaseUrl: string): Promise<number> {
    let units = 0;
    const statements = await this.server.countStatements(databaseUrl, async () => {
      const turn = await takeTurn(this.server, contender, Math.min(2, this.options.pace.seconds));
      units = turn.samplesMs.length * contender.unitsPerCall;
    });
    return statements / units;
  }

  /** Ends what the scenario started, but for its sites. */
  async endScenario(): Promise<void> {
    for (const end of this.#endings.splice(0).reverse()) await end();
  }
}
