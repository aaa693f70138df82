import { defineCommand } from 'citty';
import type { FindService } from '../reach.ts';
import { makeExplainCommand } from './explain.ts';
import { makeListCommand } from './list.ts';
import { makeShowCommand } from './show.ts';

/** `docket tickets …` */
export const makeTicketsCommand = (find: FindService) =>
  defineCommand({
    meta: { description: 'Find tickets, see who has them and why, change them, hand them over' },
    subCommands: { list: makeListCommand(find), show: makeShowCommand(find), explain: makeExplainCommand(find) },
  });
