import type { DocketClient } from '../../client/index.ts';
import { isUuid } from '../../foundation/ids.ts';
import { CommandRefused } from './running/failures.ts';

const KEY = /^[A-Z0-9]{1,16}$/;

/** The id of a group that is given by its key or its id, deleted or not; an id is not looked up. Undefined when no group has the key. */
export async function findGroupId(client: DocketClient, keyOrId: string): Promise<string | undefined> {
  if (isUuid(keyOrId)) return keyOrId;
  const key = keyOrId.toUpperCase();
  const found = KEY.test(key) ? await client.groups.listGroups({ filter: `key == "${key}"`, showDeleted: true, pageSize: 1 }) : undefined;
  return found?.groups[0]?.groupId;
}

/** The same. @throws CommandRefused when no group has the key. */
export async function groupIdOf(client: () => Promise<DocketClient>, keyOrId: string): Promise<string> {
  const groupId = isUuid(keyOrId) ? keyOrId : await findGroupId(await client(), keyOrId);
  if (groupId === undefined) throw new CommandRefused(`no group has the key ${JSON.stringify(keyOrId)}; \`docket groups list\` shows them`);
  return groupId;
}
