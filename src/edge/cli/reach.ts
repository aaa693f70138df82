import { readFile } from 'node:fs/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import type { DocketClient } from '../../client/index.ts';
import { openClient } from './client.ts';

/** What the configuration knows about reaching the service. */
export interface Reachable {
  /** Where to look when `--address` says nothing. */
  readonly address: string;
  /** Of DOCKET_TOKEN. */
  readonly token: string | undefined;
  /** The administrator's token of the embedded default. */
  readonly tokenFile: string;
}

/** Prints for people. */
export type Print = (line: string) => void;

/** No service can be reached; the message says what to do. */
export class ServiceOutOfReach extends Error {
  override readonly name = 'ServiceOutOfReach';
}

/**
 * Clients of the service that the arguments or the configuration name. Tries once, so that a wrong address or token is told at once
 * rather than after two minutes of patience.
 * @throws ServiceOutOfReach, AddressInvalid, ConnectError
 */
export async function connect(
  args: { readonly address: string | undefined; readonly token: string | undefined },
  reachable: Reachable,
  print: Print,
): Promise<DocketClient> {
  const address = args.address ?? reachable.address;
  const token = args.token ?? reachable.token ?? (await readFile(reachable.tokenFile, 'utf8').catch(() => undefined))?.trim();
  if (!token) throw new ServiceOutOfReach(`no token: give one with --token or DOCKET_TOKEN (there is none in ${reachable.tokenFile} either)`);
  const probe = openClient({ address, token, retry: false });
  try {
    await probe.groups.listGroups({ pageSize: 1 });
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.Unavailable)
      throw new ServiceOutOfReach(`nothing answers at ${address} (${error.rawMessage}); is the service running? npm start starts one`);
    throw error;
  } finally {
    probe.close();
  }
  let told = false;
  const onRetry = (failure: ConnectError): void => {
    if (!told) print(`\n  ${failure.rawMessage}; trying again for up to two minutes`);
    told = true;
  };
  return openClient({ address, token, onRetry });
}
