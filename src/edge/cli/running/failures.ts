import { Code, ConnectError } from '@connectrpc/connect';
import { requestIdOf } from '../../../client/index.ts';
import { ConfigInvalid } from '../../../foundation/config/index.ts';
import { FileUnreadable } from '../../../foundation/files/reading/unreadable.ts';
import { AddressInvalid, tellFailure } from '../client.ts';
import { ServiceOutOfReach, TokenMissing } from '../reach.ts';

/** What the exit codes of every command mean; `docket --help` lists them. */
export const EXIT = {
  /** What was asked for is done, and nothing was found wrong. */
  done: 0,
  /** The service or the command refused, or something that was checked is wrong. */
  refused: 1,
  /** The command line or the configuration cannot be meant. */
  usage: 2,
  /** No service or no database could be reached. */
  outOfReach: 3,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** The command line cannot be meant; the message says what to write instead. */
export class UsageWrong extends Error {
  override readonly name = 'UsageWrong';
}

/** What was asked for cannot be done; the message says why. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
}

/** What to tell about a failure, and the exit code; undefined for what nobody expected: then the stack is worth seeing. */
export function explainFailure(error: unknown): { readonly text: string; readonly code: number } | undefined {
  if (error instanceof ConnectError) return { text: tellCall(error), code: codeOf(error) };
  if (error instanceof UsageWrong || error instanceof AddressInvalid || error instanceof TokenMissing) return { text: `${error.message}.`, code: EXIT.usage };
  if (error instanceof ConfigInvalid) return { text: error.message, code: EXIT.usage };
  if (error instanceof ServiceOutOfReach) return { text: `${error.message}.`, code: EXIT.outOfReach };
  if (error instanceof FileUnreadable) return { text: `${tellUnreadable(error)}.`, code: isOfContent(error) ? EXIT.refused : EXIT.usage };
  if (error instanceof CommandRefused) return { text: `${error.message}.`, code: EXIT.refused };
  return databaseFailure(error);
}

/** Tells a failure that somebody expected, and answers the exit code; any other is thrown again. */
export function tellExpected(error: unknown, print: (line: string) => void): number {
  const told = explainFailure(error);
  if (!told) throw error;
  print(told.text);
  return told.code;
}

/** Whether the file is at fault rather than the command line. */
const isOfContent = ({ what }: FileUnreadable): boolean => what === 'file' || what === 'text';

/** With the option that helps. */
const tellUnreadable = ({ message, what }: FileUnreadable): string => (what === 'text' ? `${message} with --encoding (often windows-1252)` : message);

function codeOf(error: ConnectError): number {
  return error.code === Code.Unavailable || error.code === Code.DeadlineExceeded ? EXIT.outOfReach : EXIT.refused;
}

function tellCall(error: ConnectError): string {
  const isUnsettled = [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled].includes(error.code);
  const requestId = isUnsettled ? requestIdOf(error) : undefined;
  if (requestId === undefined) return tellFailure(error);
  return `${tellFailure(error)}\nWhether the change took effect is not known: repeat it with --request-id ${requestId}, and it takes effect once.`;
}

/** Of a database that refuses or does not answer: its own words, wherever in the chain of causes they are. */
function databaseFailure(error: unknown): { readonly text: string; readonly code: number } | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { readonly code?: unknown }).code;
    if (typeof code === 'string' && /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|28|3D000|57P|08|53)/.test(code))
      return { text: `The database cannot be reached: ${cause.message || code}. docket doctor says more.`, code: EXIT.outOfReach };
  }
  return undefined;
}
