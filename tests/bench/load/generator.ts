// The process that makes the load: told what to open when it starts, then to run for a while, again and again.
import { drive } from './drive.ts';
import type { LoadOrder, Subject } from './subject.ts';
import { subjects } from './subjects/index.ts';

/** What the conductor sends. */
export type Instruction = { readonly open: LoadOrder } | { readonly run: number } | { readonly close: true };

let subject: Subject | undefined;
let inFlight = 0;

async function obey(instruction: Instruction): Promise<unknown> {
  if ('open' in instruction) {
    const open = subjects[instruction.open.subject];
    if (!open) throw new Error(`there is no subject ${instruction.open.subject}`);
    inFlight = instruction.open.inFlight;
    subject = await open(instruction.open.parameters as never, inFlight);
    return undefined;
  }
  if ('run' in instruction) {
    if (!subject) throw new Error('nothing is open');
    return drive(subject, inFlight, instruction.run);
  }
  await subject?.close();
  process.disconnect();
  return undefined;
}

// Whoever started it is gone, or has told it to close.
process.on('disconnect', () => process.exit(0));

process.on('message', (instruction: Instruction) => {
  obey(instruction).then(
    (done) => process.connected && process.send?.({ done }),
    (cause: unknown) => process.send?.({ failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }),
  );
});
