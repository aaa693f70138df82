import { readFile } from 'node:fs/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { AuditFindingKindSchema, type AuditVerificationTally } from '../../../../gen/ticketing/v1/audit_proof_pb.ts';
import type { DocketClient } from '../../../client/index.ts';

/** Longest call that the service allows, in milliseconds: a long log is verified in several. */
const CALL_MS = 120_000;

/** What the command prints, and where to. */
export interface Output {
  result(line: string): void;
  note(line: string): void;
}

/** What of the log is verified, and against which file of checkpoints. */
export interface VerifyArguments {
  readonly start?: number;
  readonly end?: number;
  readonly checkpoints?: string;
}

/** Verifies the log of a running service and prints what is found; answers how many findings there were. */
export async function verify(client: DocketClient, args: VerifyArguments, output: Output): Promise<number> {
  const checkpoints = args.checkpoints ? (await readFile(args.checkpoints, 'utf8')).split('\n').filter((line) => line.trim() !== '') : [];
  let findings = 0;
  let reached: AuditVerificationTally | undefined;
  let entriesBefore = 0n;
  let isDone = false;
  for (let start = BigInt(args.start ?? 0); !isDone; ) {
    try {
      const request = { startSequence: start, endSequence: BigInt(args.end ?? 0), checkpoints: newest(checkpoints) };
      for await (const { event } of client.audit.verifyAuditLog(request, { timeoutMs: CALL_MS })) {
        if (event.case === 'finding') {
          findings += 1;
          const { kind, description, seal, sequence, entryId } = event.value;
          const where = [seal && `seal ${seal}`, sequence && `sequence ${sequence}`, entryId && `entry ${entryId}`].filter(Boolean).join(', ');
          output.result(`${AuditFindingKindSchema.value[kind]?.localName} ${where}: ${description}`);
        } else if (event.case === 'progress') {
          reached = event.value;
          output.note(`${entriesBefore + event.value.entries} entries, up to sequence ${event.value.lastSequence} of ${event.value.endSequence}`);
        } else if (event.case === 'done') {
          output.result(summary({ ...event.value, entries: entriesBefore + event.value.entries }, findings));
          // The stream ends by itself: to leave it early would wait for its end.
          isDone = true;
        }
      }
    } catch (error) {
      // It goes on where the time ran out: seals are verified whole, each in one call or the next.
      if (!(error instanceof ConnectError) || error.code !== Code.DeadlineExceeded || !reached || reached.lastSequence < start) throw error;
      entriesBefore += reached.entries;
      // At the very end there is nothing behind: its seal is verified once more.
      start = reached.lastSequence < reached.endSequence ? reached.lastSequence + 1n : reached.endSequence;
      reached = undefined;
    }
  }
  return findings;
}

const counted = (count: bigint, one: string, many: string): string => `${count} ${count === 1n ? one : many}`;

/** As many as one call takes: the newest say the most. */
const newest = (lines: readonly string[]): string[] => lines.slice(-1000);

function summary(tally: AuditVerificationTally | (Omit<AuditVerificationTally, '$typeName'> & { entries: bigint }), findings: number): string {
  const parts = [
    `${counted(tally.entries, 'entry', 'entries')} in ${counted(tally.seals, 'seal', 'seals')}, ${tally.signatures} of them signed; it agrees with ${counted(tally.checkpoints, 'checkpoint', 'checkpoints')}`,
    ...(tally.erasedEntries > 0n ? [`values were erased from ${counted(tally.erasedEntries, 'entry', 'entries')}`] : []),
    ...(tally.droppedEntries > 0n ? [`of dropped months: ${counted(tally.droppedEntries, 'entry', 'entries')}`] : []),
    ...(tally.unsealedEntries > 0n ? [`to be sealed yet: ${tally.unsealedEntries}`] : []),
  ];
  return `${parts.join('; ')}. ${findings === 0 ? 'Nothing is wrong.' : `${findings} ${findings === 1 ? 'thing is' : 'things are'} wrong.`}`;
}
