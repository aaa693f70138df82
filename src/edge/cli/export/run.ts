import { setTimeout as wait } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf, retryDelayMsOf } from '../../../client/index.ts';
import type { Output, Piece } from './output.ts';

/** How an export is called, and how patiently. */
export interface ExportRun {
  /** The stream that goes on after a token. */
  start(resumeToken: string): AsyncIterable<Piece>;
  readonly output: Output;
  /** Told how many bytes are there. */
  progress(bytes: number): void;
  /** Told when the stream broke and is taken up again. */
  onBreak(failure: ConnectError): void;
  /** For how long to try while nothing arrives, in milliseconds. */
  readonly patienceMs: number;
}

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/** Exports to the end, taking the stream up again wherever it breaks. Answers the bytes of the file. @throws ConnectError */
export async function runExport({ start, output, progress, onBreak, patienceMs }: ExportRun): Promise<number> {
  let { resumeToken, bytes } = output;
  let arrivedMs = performance.now();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      for await (const piece of start(resumeToken)) {
        await output.write(piece);
        ({ resumeToken } = piece);
        bytes += piece.chunk.length;
        progress(bytes);
        arrivedMs = performance.now();
        waitMs = FIRST_WAIT_MS;
        if (resumeToken === '') {
          await output.finish();
          return bytes;
        }
      }
      throw new ConnectError('the stream ended before the file', Code.Unavailable);
    } catch (error) {
      if (!(error instanceof ConnectError) || !isPassing(error) || performance.now() - arrivedMs > patienceMs) throw error;
      onBreak(error);
      await wait(retryDelayMsOf(error) ?? waitMs);
    }
  }
}

/** What the service did not say itself comes from a connection that broke. */
function isPassing(failure: ConnectError): boolean {
  const broken = [Code.Aborted, Code.Canceled, Code.Internal, Code.Unknown].includes(failure.code) && reasonOf(failure) === undefined;
  return broken || [Code.Unavailable, Code.DeadlineExceeded].includes(failure.code) || retryDelayMsOf(failure) !== undefined;
}
