import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Instruction } from './generator.ts';
import type { LoadOrder, LoadRun } from './subject.ts';

const PROGRAM = fileURLToPath(new URL('./generator.ts', import.meta.url));

/** A process of its own that makes load. */
export interface LoadProcess {
  /** Keeps its calls in flight for so many seconds. Rejects when one of them failed. */
  run(seconds: number): Promise<LoadRun>;
  close(): Promise<void>;
}

/** Starts one; resolves when its connections are open. */
export async function startLoad(order: LoadOrder): Promise<LoadProcess> {
  const child = fork(PROGRAM, { serialization: 'advanced' });
  const ended = once(child, 'exit');
  const tell = async (instruction: Instruction): Promise<unknown> => {
    const answered = once(child, 'message') as Promise<[{ done?: unknown; failed?: string }]>;
    child.send(instruction);
    const [answer] = await Promise.race([answered, ended.then(([code]): never => fail(`it ended with ${code}`))]);
    if (answer.failed !== undefined) fail(answer.failed);
    return answer.done;
  };
  const fail = (words: string): never => {
    throw new Error(`the load process for ${order.subject}: ${words}`);
  };
  await tell({ open: order });
  return {
    run: (seconds) => tell({ run: seconds }) as Promise<LoadRun>,
    async close() {
      if (child.connected) child.send({ close: true });
      await ended;
    },
  };
}
