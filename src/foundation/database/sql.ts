import type { EntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery } from 'kysely';

/**
 * Runs hand-written SQL with bound parameters (`$1`, `$2`, …). Times come back as PostgreSQL text
 * (microseconds kept), bigints as strings.
 */
export type Sql = <Row = unknown>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/**
 * The `Sql` of an entity manager: inside its transaction when it has one, else on a pooled
 * connection. An aborted `signal` cancels the running query on the server. MikroORM's own
 * `em.execute` writes parameters into the text, so it is not used.
 */
export function sqlOf(em: EntityManager, signal?: AbortSignal): Sql {
  const abort = signal ? ({ signal, inflightQueryAbortStrategy: 'cancel query' } as const) : undefined;
  return async <Row>(text: string, values: readonly unknown[] = []) => {
    const result = await em.getKysely().executeQuery(CompiledQuery.raw(text, values as unknown[]), abort);
    return result.rows as Row[];
  };
}
