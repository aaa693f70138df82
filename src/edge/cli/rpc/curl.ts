import type { DescMethod, JsonValue } from '@bufbuild/protobuf';
import { urlOf } from '../client.ts';
import { jsonOf } from '../output/documents.ts';
import { CommandRefused } from '../running/failures.ts';

/** How the service is reached, as a command line may show it: where the token comes from instead of the token. */
export interface CurlTarget {
  readonly address: string;
  /** A file that holds the token; undefined: it is in `$DOCKET_TOKEN`. */
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
  readonly clientCertFile: string | undefined;
  readonly clientKeyFile: string | undefined;
}

/** What Linux takes as one argument, in bytes, less a little. */
const MAX_ARGUMENT_BYTES = 128 * 1024 - 1024;

/**
 * The `buf curl` line that makes the same call. The token does not stand in it.
 * @throws CommandRefused when the request is longer than a shell takes.
 */
export function curlLine(target: CurlTarget, method: DescMethod, request: JsonValue): string {
  const url = urlOf(target.address);
  const data = quoted(jsonOf(request, 0));
  if (Buffer.byteLength(data) > MAX_ARGUMENT_BYTES) throw new CommandRefused('the request is too long for a line of a shell');
  const token = target.tokenFile === undefined ? '$DOCKET_TOKEN' : `$(cat ${quoted(target.tokenFile)})`;
  const header = `"authorization: Bearer ${token}"`;
  const files = { cacert: target.caFile, cert: target.clientCertFile, key: target.clientKeyFile };
  const tls = Object.entries(files).flatMap(([flag, file]) => (file === undefined ? [] : [`--${flag} ${quoted(file)}`]));
  return [
    'npx buf curl --protocol grpc',
    ...(url.startsWith('https:') ? tls : ['--http2-prior-knowledge']),
    `--reflect-header ${header} -H ${header}`,
    `-d ${data}`,
    quoted(`${url}/${method.parent.typeName}/${method.name}`),
  ].join(' ');
}

/** As one word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
