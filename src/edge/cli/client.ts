import type { SecureClientSessionOptions } from 'node:http2';
import type { ConnectError } from '@connectrpc/connect';
import { createDocketClient, type DocketClient, violationsOf } from '../../client/index.ts';

/** How to reach a running service. */
export interface Reaching {
  /** `host:port` of either RPC port, or a URL; `https://…` for TLS. */
  readonly address: string;
  readonly token: string;
  /** Certificates of a connection by TLS: whom to believe, and one's own. */
  readonly secure?: SecureClientSessionOptions;
  /** Ends whatever is under way. */
  readonly signal?: AbortSignal;
  /** Whether calls wait for a service that is away or overloaded. Default true. */
  readonly retry?: boolean;
  /** Told before each wait. */
  readonly onRetry?: (failure: ConnectError, waitMs: number) => void;
}

/** The address cannot be one of a service; the message says what to write. */
export class AddressInvalid extends Error {
  override readonly name = 'AddressInvalid';
}

/** As long as the service allows: who runs a command would rather wait than begin again. */
const TIMEOUT_MS = 120_000;

/** A client for a command. @throws AddressInvalid */
export function openClient({ address, secure, ...options }: Reaching): DocketClient {
  return createDocketClient({ baseUrl: urlOf(address), timeoutMs: TIMEOUT_MS, ...options, ...(secure && { tls: secure }) });
}

/** What to print when the service refused: its words, and the fields that they do not name yet. */
export function tellFailure(failure: ConnectError): string {
  const fields = violationsOf(failure)
    .filter(({ field }) => field !== '' && !failure.rawMessage.startsWith(field))
    .map(({ field, description }) => `  ${field}: ${description}`);
  return [`The service refused: ${failure.rawMessage}.`, ...fields].join('\n');
}

/** The URL of an address as people write it. @throws AddressInvalid */
export function urlOf(address: string): string {
  const url = /^https?:\/\//.test(address) ? address : `http://${address}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.pathname !== '/' || parsed.search !== '')
    throw new AddressInvalid(`${JSON.stringify(address)} is no address; write 127.0.0.1:50051 or https://docket.example.org`);
  return parsed.origin;
}
