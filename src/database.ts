import { resolve } from 'node:path';
import type { AnyEntity, EntityClass, MikroORM } from '@mikro-orm/postgresql';
import type { Config } from './foundation/config/index.ts';
import { openOrm } from './foundation/database/orm.ts';
import type { Logger } from './foundation/log.ts';

/** Where the database is. */
export interface DatabasePlace {
  readonly url: string;
  /** Whether it is the one that Docket brought along, and this process keeps it running. */
  readonly embedded: boolean;
  close(): Promise<void>;
}

/** A database that is migrated and open. */
export interface OpenDatabase extends DatabasePlace {
  readonly orm: MikroORM;
}

/** The configured database as it is, or the embedded one, started. */
export async function findDatabase(config: Config, log: Logger): Promise<DatabasePlace> {
  if (config.databaseUrl !== undefined) return { url: config.databaseUrl, embedded: false, close: async () => undefined };
  const { startEmbeddedServer } = await import('./foundation/database/embedded/index.ts');
  const server = await startEmbeddedServer({ dataDirectory: resolve(config.dataDirectory), log: (line) => log.info(line) });
  return { url: server.url, embedded: true, close: server.close };
}

/** The same at the newest schema; one that must not be changed is only looked at. */
export async function prepareDatabase(config: Config, log: Logger): Promise<DatabasePlace> {
  const place = await findDatabase(config, log);
  return closingOnFailure(place, async () => {
    const { assertMigrated, migrate } = await import('./foundation/database/migrate.ts');
    const { lookAtWrites } = await import('./foundation/database/writes.ts');
    if (config.readOnly || (await lookAtWrites(place.url)) !== undefined) {
      await assertMigrated(place.url);
      return place;
    }
    const { separateRole } = await migrate({ url: place.url, log: (line) => log.info(line) });
    if (!separateRole) log.warn('the database user may not make roles: the audit log is kept append-only by triggers alone');
    return place;
  });
}

/** The same, open for work with these entities; closing it closes the place too. */
export async function openDatabase(
  config: Config,
  log: Logger,
  place: DatabasePlace,
  entities: readonly EntityClass<AnyEntity>[],
  watchesWrites = false,
): Promise<OpenDatabase> {
  return closingOnFailure(place, async () => {
    const orm = await openOrm({
      url: place.url,
      poolSize: config.databasePoolSize,
      statementTimeoutMs: config.statementTimeoutMs,
      lockTimeoutMs: config.lockTimeoutMs,
      entities,
      watchesWrites,
      log: (line) => log.debug(line),
    });
    const close = async (): Promise<void> => {
      await orm.close(true);
      await place.close();
    };
    return { ...place, orm, close };
  });
}

async function closingOnFailure<T>(place: DatabasePlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await place.close();
    throw error;
  }
}
