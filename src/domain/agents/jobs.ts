import { submitJob } from '../../foundation/commands/submit.ts';
import { again, DONE, type Job } from '../../foundation/jobs/job.ts';
import { continueLeaving, continueRemovingMembers } from './commands/continue-leaving.ts';
import { endAvailability } from './commands/end-availability.ts';
import { END_AVAILABILITY, type TimedAvailability } from './commands/set-availability.ts';
import { FINISH_LEAVING, FINISH_REMOVING_MEMBERS, type UnfinishedLeave, type UnfinishedRemoval } from './leaving.ts';

/** Goes on with dealing out the tickets of an agent who holds more than one transaction takes. */
export const finishLeaving: Job<UnfinishedLeave> = {
  name: FINISH_LEAVING,
  async run(data, { queue, signal }) {
    for (;;) {
      const { value: left } = await submitJob(queue, FINISH_LEAVING, 'goes on with dealing out the tickets of an agent', continueLeaving, data);
      if (left === 0) return DONE;
      if (signal.aborted) return again();
    }
  },
};

/** Goes on with dealing out the tickets of members who were taken out of a group. */
export const finishRemovingMembers: Job<UnfinishedRemoval> = {
  name: FINISH_REMOVING_MEMBERS,
  async run(data, { queue, signal }) {
    for (;;) {
      const { value: left } = await submitJob(queue, FINISH_REMOVING_MEMBERS, 'goes on with RemoveGroupMembers', continueRemovingMembers, data);
      if (left === 0) return DONE;
      if (signal.aborted) return again();
    }
  },
};

/** Ends an availability when its time is over. */
export const endTimedAvailability: Job<TimedAvailability> = {
  name: END_AVAILABILITY,
  async run(data, { queue }) {
    const { value: waitSeconds } = await submitJob(queue, END_AVAILABILITY, 'the availability was set until now', endAvailability, data);
    return waitSeconds === 0 ? DONE : again(waitSeconds * 1000);
  },
};
