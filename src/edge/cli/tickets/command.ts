import { defineCommand } from 'citty';
import type { FindService } from '../reach.ts';
import { makeCreateCommand, makeUpdateCommand } from './change.ts';
import { makeExplainCommand } from './explain.ts';
import { makeListCommand } from './list.ts';
import { makeReassignCommand } from './reassign.ts';
import { makeShowCommand } from './show.ts';

/** `docket tickets …` */
export const makeTicketsCommand = (find: FindService) =>
  defineCommand({
    meta: { description: 'Find tickets, see who has them and why, change them, hand them over' },
    subCommands: {
      list: makeListCommand(find),
      show: makeShowCommand(find),
      explain: makeExplainCommand(find),
      create: makeCreateCommand(find),
      update: makeUpdateCommand(find),
      reassign: makeReassignCommand(find),
    },
  });
