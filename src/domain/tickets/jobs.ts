import { submitJob } from '../../foundation/commands/submit.ts';
import { sqlOf } from '../../foundation/database/sql.ts';
import { again, DONE, type Job } from '../../foundation/jobs/job.ts';
import { dropOldImports } from './import-rows.ts';
import { deleteOldPlans } from './reassignment-plan.ts';
import { relaxSkills } from './relax-skills.ts';
import { type DueRelaxation, RELAX_SKILLS } from './relaxation.ts';

/** Gives out what somebody can take now that it has waited long enough for its required skills to relax. */
export const relaxWaitingTickets: Job<DueRelaxation> = {
  name: RELAX_SKILLS,
  async run(data, { queue }) {
    const { value: waitSeconds } = await submitJob(queue, RELAX_SKILLS, 'tickets have waited long enough for required skills to relax', relaxSkills, data);
    return waitSeconds === 0 ? DONE : again(waitSeconds * 1000);
  },
};

/** Forgets plans of reassignments whose time is over. */
export const dropOldPlans: Job = {
  name: 'drop-old-plans',
  schedule: { cron: '7,22,37,52 * * * *', timeZone: 'UTC' },
  async run(_data, { orm }) {
    await deleteOldPlans(sqlOf(orm.em.fork()));
    return DONE;
  },
};

/** Forgets rows of files whose time is over. */
export const dropOldImportRows: Job = {
  name: 'drop-old-import-rows',
  schedule: { cron: '27 * * * *', timeZone: 'UTC' },
  async run(_data, { orm }) {
    await dropOldImports(sqlOf(orm.em.fork()));
    return DONE;
  },
};
