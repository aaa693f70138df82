import { submitJob } from '../../foundation/commands/submit.ts';
import { sqlOf } from '../../foundation/database/sql.ts';
import { again, DONE, giveUp, type Job } from '../../foundation/jobs/job.ts';
import { continueDeletingGroup, FINISH_DELETING_GROUP, type GroupDeletion } from './commands/delete-group.ts';
import { findCoarsePools, splitPool } from './commands/split-pool.ts';
import { MoveTargetInvalid } from './errors.ts';

/** Goes on with a deletion that had more tickets than one transaction takes, step by step, until the group is deleted. */
export const finishDeletingGroup: Job<GroupDeletion> = {
  name: FINISH_DELETING_GROUP,
  async run(data, { queue, signal }) {
    try {
      for (;;) {
        const { value: left } = await submitJob(queue, FINISH_DELETING_GROUP, 'goes on with DeleteGroup', continueDeletingGroup, data);
        if (left === 0) return DONE;
        if (signal.aborted) return again();
      }
    } catch (error) {
      // The group stays closed with the tickets that are left; another DeleteGroup can say where they go.
      if (error instanceof MoveTargetInvalid) return giveUp(error.message);
      throw error;
    }
  },
};

/** Splits pools whose groups do not share agents any more, nightly, so that they are worked on side by side again. */
export const splitPools: Job = {
  name: 'split-pools',
  schedule: { cron: '40 3 * * *', timeZone: 'UTC' },
  async run(_data, { orm, queue, log, signal }) {
    let made = 0;
    for (const poolId of await findCoarsePools(sqlOf(orm.em.fork(), signal))) {
      if (signal.aborted) return again();
      const { value } = await submitJob(queue, 'split-pools', 'splits pools whose groups share no agents', splitPool, { poolId });
      made += value;
    }
    if (made > 0) log.info({ made }, 'pools were split');
    return DONE;
  },
};
