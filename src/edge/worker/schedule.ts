import type { PgBoss, QueueOptions } from 'pg-boss';
import type { Job } from '../../foundation/jobs/job.ts';

/** Where jobs lie that were given up; kept a month, and put back with pg-boss's own `redrive`. */
export const DEAD_LETTERS = 'dead-letters';
/** Tries after the first one: with the delays between them about a day. */
const RETRY_LIMIT = 20;
const RETRY_DELAY_MAX_SECONDS = 2 * 60 * 60;
/** A run may take this long; then another may begin. */
const EXPIRE_SECONDS = 15 * 60;
/** A process that is silent for this long has lost its jobs. */
const HEARTBEAT_SECONDS = 30;
const DEAD_LETTERS_KEPT_SECONDS = 30 * 24 * 60 * 60;
const DONE_KEPT_SECONDS = 24 * 60 * 60;

/** Makes the queue of each job, brings the options of known ones up to date, and sets the timetable to just what the jobs say. */
export async function setUpQueues(boss: PgBoss, jobs: readonly Job[], retryDelaySeconds: number): Promise<void> {
  const known = new Set((await boss.getQueues()).map((queue) => queue.name));
  if (!known.has(DEAD_LETTERS)) await boss.createQueue(DEAD_LETTERS, { retentionSeconds: DEAD_LETTERS_KEPT_SECONDS, retryLimit: 0 });
  const options = {
    retryLimit: RETRY_LIMIT,
    retryDelay: retryDelaySeconds,
    retryBackoff: true,
    retryDelayMax: RETRY_DELAY_MAX_SECONDS,
    expireInSeconds: EXPIRE_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    deleteAfterSeconds: DONE_KEPT_SECONDS,
    deadLetter: DEAD_LETTERS,
    notify: true,
  } satisfies QueueOptions & { deadLetter: string; notify: boolean };
  for (const job of jobs) {
    if (known.has(job.name)) await boss.updateQueue(job.name, options);
    // What runs by the clock does so once at a time: one waiting and one running, however late they are.
    else await boss.createQueue(job.name, { ...options, policy: job.schedule ? 'stately' : 'standard' });
  }
  await setTimetable(boss, jobs);
}

async function setTimetable(boss: PgBoss, jobs: readonly Job[]): Promise<void> {
  const wanted = new Map(jobs.flatMap((job) => (job.schedule ? [[job.name, job.schedule] as const] : [])));
  for (const { name } of await boss.getSchedules()) if (!wanted.has(name)) await boss.unschedule(name);
  for (const [name, { cron, timeZone }] of wanted) await boss.schedule(name, cron, {}, { tz: timeZone, missed: 'once' });
}
