import { defineCommand } from 'citty';
import type { FindService } from '../reach.ts';
import { makeAvailabilityCommand } from './availability.ts';
import { makeCreateCommand, makeDeleteCommand, makeUndeleteCommand, makeUpdateCommand } from './change.ts';
import { makeListCommand, makeShowCommand, makeWorkloadCommand } from './read.ts';

/** `docket agents …` */
export const makeAgentsCommand = (find: FindService) =>
  defineCommand({
    meta: { description: 'See who works, and how much; send agents away and take them back' },
    subCommands: {
      list: makeListCommand(find),
      show: makeShowCommand(find),
      workload: makeWorkloadCommand(find),
      away: makeAvailabilityCommand(find, 'AWAY', 'Give an agent no more tickets until he is back'),
      offline: makeAvailabilityCommand(find, 'OFFLINE', 'The same, at the end of his day'),
      back: makeAvailabilityCommand(find, 'AVAILABLE', 'Give an agent tickets again; those that wait come first'),
      create: makeCreateCommand(find),
      update: makeUpdateCommand(find),
      delete: makeDeleteCommand(find),
      undelete: makeUndeleteCommand(find),
    },
  });
