import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import type { Subject } from '../load/subject.ts';

const TASK = 'ticket';
/** Connections of its pool: past this they only get in each other's way. */
const POOL_SIZE = 20;

/**
 * A job for each ticket: every worker adds one and waits until it is done. Jobs are done, as its makers mean it,
 * by a runner that hears of them by NOTIFY, with as many jobs at once as are in flight.
 */
export async function openGraphileWorker({ databaseUrl }: { readonly databaseUrl: string }, inFlight: number): Promise<Subject> {
  const logger = new Logger(() => () => undefined);
  const options = { connectionString: databaseUrl, maxPoolSize: POOL_SIZE, logger };
  const utils = await makeWorkerUtils(options);
  await utils.migrate();
  const waiting = new Map<number, () => void>();
  let next = 0;
  const runner = await run({
    ...options,
    concurrency: inFlight,
    noHandleSignals: true,
    taskList: {
      [TASK]: (payload) => waiting.get((payload as { number: number }).number)?.(),
    },
  });
  return {
    async call() {
      const number = next++;
      const done = new Promise<void>((resolve) => waiting.set(number, resolve));
      await utils.addJob(TASK, { number, userId: 7, title: 'Cannot log in' });
      await done;
      waiting.delete(number);
      return 0;
    },
    async close() {
      await runner.stop();
      await utils.release();
    },
  };
}
