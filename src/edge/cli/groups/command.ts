import { defineCommand } from 'citty';
import type { FindService } from '../reach.ts';
import { makeCreateCommand, makeDeleteCommand, makeUndeleteCommand, makeUpdateCommand } from './change.ts';
import { makeAddCommand, makeMembersCommand, makeRemoveCommand } from './members.ts';
import { makeListCommand, makeShowCommand } from './read.ts';

/** `docket groups …` */
export const makeGroupsCommand = (find: FindService) =>
  defineCommand({
    meta: { description: 'See groups and who works in them; make and change groups, add and remove members' },
    subCommands: {
      list: makeListCommand(find),
      show: makeShowCommand(find),
      members: makeMembersCommand(find),
      add: makeAddCommand(find),
      remove: makeRemoveCommand(find),
      create: makeCreateCommand(find),
      update: makeUpdateCommand(find),
      delete: makeDeleteCommand(find),
      undelete: makeUndeleteCommand(find),
    },
  });
