import { PgBoss } from 'pg-boss';
import type { Subject } from '../load/subject.ts';

const QUEUE = 'tickets';
/** Connections of its pool: past this they only get in each other's way. */
const POOL_SIZE = 20;

/**
 * A job for each ticket: every worker sends one, fetches one and completes it, by pg-boss' own calls. Nobody polls:
 * whoever fetches has just sent, so there is always one to be had.
 */
export async function openPgBoss({ databaseUrl }: { readonly databaseUrl: string }): Promise<Subject> {
  const boss = new PgBoss({ connectionString: databaseUrl, max: POOL_SIZE, supervise: false, schedule: false });
  await boss.start();
  await boss.createQueue(QUEUE);
  return {
    async call() {
      await boss.send(QUEUE, { userId: 7, title: 'Cannot log in' });
      for (;;) {
        const [job] = await boss.fetch(QUEUE);
        // All were locked by others at that moment.
        if (!job) continue;
        await boss.complete(QUEUE, job.id);
        return 0;
      }
    },
    close: () => boss.stop({ graceful: false, close: true }),
  };
}
