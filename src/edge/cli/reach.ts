import { readFile } from 'node:fs/promises';
import type { SecureClientSessionOptions } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { type DocketClient, reasonOf } from '../../client/index.ts';
import { openClient } from './client.ts';
import { readTrust, TrustFileInvalid, type TrustFiles } from './trust.ts';

/** What the configuration knows about reaching the service. */
export interface Reachable {
  /** Where to look when `--address` says nothing. */
  readonly address: string;
  /** Of DOCKET_TOKEN. */
  readonly token: string | undefined;
  /** The administrator's token of the embedded default. */
  readonly tokenFile: string;
  /** Whom to believe under TLS. */
  readonly trust?: TrustFiles;
}

/** What the command line says about reaching the service. */
export interface ReachArguments {
  readonly address: string | undefined;
  readonly token: string | undefined;
  /** Authorities to believe under TLS, instead of the configured ones. */
  readonly ca: string | undefined;
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
export async function connect(args: ReachArguments, reachable: Reachable, print: Print): Promise<DocketClient> {
  const address = args.address ?? reachable.address;
  const token = args.token ?? reachable.token ?? (await readFile(reachable.tokenFile, 'utf8').catch(() => undefined))?.trim();
  if (!token) throw new ServiceOutOfReach(`no token: give one with --token or DOCKET_TOKEN (there is none in ${reachable.tokenFile} either)`);
  const secure = await readSecure(args, reachable);
  const probe = openClient({ address, token, secure, retry: false });
  try {
    await probe.groups.listGroups({ pageSize: 1 });
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.Unavailable)
      throw new ServiceOutOfReach(`nothing answers at ${address} (${error.rawMessage}); is the service running? npm start starts one`);
    // What the service said itself has a reason.
    if (error instanceof ConnectError && address.startsWith('https:') && reasonOf(error) === undefined)
      throw new ServiceOutOfReach(`the service at ${address} cannot be called (${error.rawMessage}); --ca or DOCKET_CA_FILE names the authority to believe`);
    throw error;
  } finally {
    probe.close();
  }
  let told = false;
  const onRetry = (failure: ConnectError): void => {
    if (!told) print(`\n  ${failure.rawMessage}; trying again for up to two minutes`);
    told = true;
  };
  return openClient({ address, token, secure, onRetry });
}

async function readSecure({ address, ca }: ReachArguments, { trust }: Reachable): Promise<SecureClientSessionOptions> {
  if (!trust && ca === undefined) return {};
  const files = { caFile: undefined, clientCertFile: undefined, clientKeyFile: undefined, ownCertFile: undefined, ...trust };
  try {
    return await readTrust({ ...files, caFile: ca ?? files.caFile, ownCertFile: address === undefined ? files.ownCertFile : undefined });
  } catch (error) {
    if (error instanceof TrustFileInvalid) throw new ServiceOutOfReach(error.message);
    throw error;
  }
}
