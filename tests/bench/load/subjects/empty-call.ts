import { type ClientKind, openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';

/** Where the empty method is served. */
export interface EmptyCallParameters {
  readonly client: ClientKind;
  readonly port: number;
}

export const EMPTY_CALL = '/bench.Empty/Call';

const NOTHING = Buffer.alloc(0);

/** F0: a call that asks nothing of a server that answers nothing. */
export async function openEmptyCall({ client, port }: EmptyCallParameters): Promise<Subject> {
  const channel = openChannel(client, port, undefined);
  return {
    async call() {
      await channel.unary(EMPTY_CALL, NOTHING);
      return 0;
    },
    close: async () => channel.close(),
  };
}
