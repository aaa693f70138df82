import { readFile } from 'node:fs/promises';
import type { SecureClientSessionOptions } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { type DocketClient, reasonOf } from '../../client/index.ts';
import { openClient, urlOf } from './client.ts';
import { readTrust, TrustFileInvalid, type TrustFiles } from './trust.ts';

/** What the configuration knows about reaching the service. */
export interface Reachable {
  /** Where to look when `--address` says nothing. */
  readonly address: string;
  /** Of DOCKET_TOKEN, or of the profile. */
  readonly token: string | undefined;
  /** The administrator's token of the embedded default: shown to this machine only. */
  readonly tokenFile: string;
  /** The file with the token that the profile names, if it does. */
  readonly profileTokenFile?: string | undefined;
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

/** No token was given; the message says how to give one. */
export class TokenMissing extends Error {
  override readonly name = 'TokenMissing';
}

/** Reaches the service that a profile names, or the configured profile, or none. @throws ConfigInvalid, UsageWrong */
export type FindService = (profile?: string | undefined) => Promise<Reachable>;

/** Where the token of a call comes from. */
export interface FoundToken {
  readonly token: string;
  /** The file that it was read from; undefined when it was given itself. */
  readonly file: string | undefined;
}

/**
 * The token to show to this address. The one in the data directory is an administrator's: it leaves this machine only if somebody says so.
 * @throws TokenMissing
 */
export async function findToken(args: ReachArguments, reachable: Reachable): Promise<FoundToken> {
  const given = args.token ?? reachable.token;
  if (given !== undefined && given !== '') return { token: given, file: undefined };
  const { tokenFile, profileTokenFile } = reachable;
  const isOwn = isThisMachine(args.address ?? reachable.address);
  const file = profileTokenFile ?? (isOwn ? tokenFile : undefined);
  const token = file === undefined ? undefined : (await readFile(file, 'utf8').catch(() => undefined))?.trim();
  if (file !== undefined && token) return { token, file };
  const also = file === undefined ? 'the one in the data directory is for this machine only' : `there is none in ${file} either`;
  throw new TokenMissing(`no token: give one with --token, DOCKET_TOKEN or a profile (${also})`);
}

function isThisMachine(address: string): boolean {
  const { hostname } = new URL(urlOf(address));
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

/**
 * Clients of the service that the arguments or the configuration name. Tries once, so that a wrong address or token is told at once
 * rather than after two minutes of patience.
 * @throws TokenMissing, ServiceOutOfReach, AddressInvalid, ConnectError
 */
export async function connect(args: ReachArguments, reachable: Reachable, print: Print, signal?: AbortSignal): Promise<DocketClient> {
  const address = args.address ?? reachable.address;
  const { token } = await findToken(args, reachable);
  const secure = await readSecure(args, reachable);
  const probe = openClient({ address, token, secure, retry: false, ...(signal && { signal }) });
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
  return openClient({ address, token, secure, onRetry, ...(signal && { signal }) });
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
