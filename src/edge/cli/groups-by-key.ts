import type { DocketClient } from '../../client/index.ts';
import { CommandRefused } from './running/failures.ts';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const KEY = /^[A-Z0-9]{1,16}$/;

/** The id of a group that is given by its key or its id; an id is not looked up. @throws CommandRefused when no group has the key. */
export async function groupIdOf(client: () => Promise<DocketClient>, keyOrId: string): Promise<string> {
  if (ID.test(keyOrId)) return keyOrId;
  const key = keyOrId.toUpperCase();
  const found = KEY.test(key) ? await (await client()).groups.listGroups({ filter: `key == "${key}"`, showDeleted: true, pageSize: 1 }) : undefined;
  const [group] = found?.groups ?? [];
  if (!group) throw new CommandRefused(`no group has the key ${JSON.stringify(keyOrId)}; \`docket groups list\` shows them`);
  return group.groupId;
}
