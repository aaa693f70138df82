import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import type { ArgsDef } from 'citty';
import type { DocketClient } from '../../../client/index.ts';
import { note } from '../output/print.ts';
import { connect, type FindService, findToken, type ReachArguments } from '../reach.ts';
import { EXIT, explainFailure } from '../running/failures.ts';
import type { CurlTarget } from './curl.ts';

/** An option with a text. */
export const text = (description: string, valueHint: string) => ({ type: 'string', valueHint, description }) as const;

/** The options of every command that calls the service. */
export const reachArgs = {
  address: text('Of a running service; else DOCKET_ADDRESS, the profile, or this machine', 'host:port'),
  token: text('Else DOCKET_TOKEN, the profile, or the one in the data directory', 'token'),
  ca: text('Authorities to believe under TLS; else DOCKET_CA_FILE or the profile', 'file'),
  profile: text('A service of your profiles; else DOCKET_PROFILE or the default one', 'name'),
} as const satisfies ArgsDef;

/** The options of a command as they were given. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** The same with the arguments that have no name, in `_`. */
export type Values = Options & { readonly _: readonly string[] };

/** The text of an option; undefined when it was not given. */
export function textOf(values: Options, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** One command's way to the service. */
export interface Session {
  /** Connects at the first call. @throws TokenMissing, ServiceOutOfReach */
  client(): Promise<DocketClient>;
  /** The same way as a command line shows it. */
  curlTarget(): Promise<CurlTarget>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Carries out work that calls the service. Ctrl-C ends what is under way, says what is known of it, and leaves the exit code 130. */
export async function withSession(values: Values, find: FindService, work: (session: Session) => Promise<void>): Promise<void> {
  const reach: ReachArguments = { address: textOf(values, 'address'), token: textOf(values, 'token'), ca: textOf(values, 'ca') };
  const reachable = await find(textOf(values, 'profile'));
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new Error('stopped by Ctrl-C'));
  // A second Ctrl-C is not caught: it ends the process at once.
  process.once('SIGINT', interrupt);
  let client: Promise<DocketClient> | undefined;
  try {
    await work({
      client: () => (client ??= connect(reach, reachable, note, interrupted.signal)),
      async curlTarget() {
        const { file } = await findToken(reach, reachable);
        const { trust } = reachable;
        return {
          address: reach.address ?? reachable.address,
          tokenFile: file,
          caFile: reach.ca ?? trust?.caFile ?? (reach.address === undefined ? trust?.ownCertFile : undefined),
          clientCertFile: trust?.clientCertFile,
          clientKeyFile: trust?.clientKeyFile,
        };
      },
      signal: interrupted.signal,
    });
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    note(explainFailure(error)?.text ?? 'Stopped.');
    process.exitCode = EXIT.interrupted;
  } finally {
    process.off('SIGINT', interrupt);
    (await client?.catch(() => undefined))?.close();
  }
}

/** One call by the session's client: with its patience, and a request id for a change. */
export async function callUnary<Input extends DescMessage, Output extends DescMessage>(
  session: Session,
  method: DescMethodUnary<Input, Output>,
  request: MessageInitShape<Input>,
): Promise<MessageShape<Output>> {
  const { transport } = await session.client();
  const client: Record<string, unknown> = createClient(method.parent, transport);
  return (client[method.localName] as (input: MessageInitShape<Input>) => Promise<MessageShape<Output>>)(request);
}
