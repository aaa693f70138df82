import { ticketReactions } from '../../src/domain/tickets/index.ts';
import { entities } from '../../src/entities.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import type { Harness } from './harness.ts';

/** A queue with connections and a memory of its own on the database of a harness, as another process would have. */
export interface QueueApart {
  readonly queue: CommandQueue;
  close(): Promise<void>;
}

/** Opens one. Jobs that its changes leave for later are left with those of the harness. */
export async function openApart(harness: Pick<Harness, 'url' | 'jobs'>): Promise<QueueApart> {
  const orm = await openOrm({ url: harness.url, poolSize: 4, statementTimeoutMs: 20_000, lockTimeoutMs: 10_000, entities });
  const enqueue = async (_sql: unknown, name: string, data: object): Promise<void> => void harness.jobs.push({ name, data, startAfter: undefined });
  const queue = new CommandQueue({ orm, handlers: ticketReactions, enqueue }, { lanes: 3, queueBound: 10_000 });
  return {
    queue,
    async close() {
      await queue.drain();
      await orm.close(true);
    },
  };
}
