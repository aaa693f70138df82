import type { AnyEntity, EntityClass } from '@mikro-orm/postgresql';

/** What commands need of the machine that they run on; the environment says where it is. Each part is loaded when it is asked for. */
export type Machine = ReturnType<typeof machineOf>;

/** The machine that this environment describes. */
export function machineOf(environment: Readonly<Record<string, string | undefined>>) {
  /** The configuration of this process, and its log; a command other than `serve` keeps the log to warnings. */
  async function begin(quiet: boolean) {
    const { loadConfig, unknownSettings } = await import('./foundation/config/index.ts');
    const { makeLog } = await import('./foundation/log.ts');
    const config = loadConfig(environment);
    const level = quiet && environment['DOCKET_LOG_LEVEL'] === undefined ? 'warn' : config.logLevel;
    // The output of a command is what it answers, and nothing else.
    const log = makeLog({ level, ...(quiet && { to: process.stderr }) });
    for (const name of unknownSettings(environment)) log.warn(`${name} is not a setting of Docket`);
    return { config, log };
  }

  /** The database at the newest schema, for a command that works on these entities. */
  async function openForCommand(entities: readonly EntityClass<AnyEntity>[]) {
    const { config, log } = await begin(true);
    const { openDatabase, prepareDatabase } = await import('./database.ts');
    const database = await openDatabase(config, log, await prepareDatabase(config, log), entities);
    return { em: database.orm.em.fork(), close: database.close };
  }

  /** Where the database is, without opening or migrating it. */
  async function findDatabase() {
    const { config, log } = await begin(true);
    return (await import('./database.ts')).findDatabase(config, log);
  }

  /** How a command on this machine reaches the service. */
  async function findService(profile?: string) {
    const { config } = await begin(true);
    return (await import('./edge/cli/profiles/reachable.ts')).findReachable(config, profile);
  }

  /** The configuration, and variables that look like settings. */
  async function findConfig() {
    const { loadConfig, unknownSettings } = await import('./foundation/config/index.ts');
    return { config: loadConfig(environment), unknown: unknownSettings(environment) };
  }

  /** The public half of the key that this machine's service signs seals with. */
  async function findPublicKey() {
    const { config } = await begin(true);
    const { findSigner } = await import('./edge/sealing/keys.ts');
    return (await findSigner(config))?.publicKey;
  }

  return { begin, openForCommand, findDatabase, findService, findConfig, findPublicKey };
}
