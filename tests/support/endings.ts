import type { DescMethod, DescMethodUnary } from '@bufbuild/protobuf';
import { type ServiceError, status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { callGrpcBytes, detailsOf, pathOf, readGrpcBytes } from './edge/clients.ts';
import type { Fields } from './requests.ts';
import type { Service } from './service.ts';

/** Whom requests go to, and by whose header. */
export interface Sender {
  readonly service: Service;
  readonly token: string;
}

/** How a request may end: well, or refused for a reason that the caller can mend. */
export interface Ending {
  readonly status: string;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly text: string;
}

const ended = (code: number, reason: string, fields: readonly string[], text: string): Ending => ({ status: status[code] ?? `${code}`, reason, fields, text });

/** Sends bytes by gRPC. */
export async function byGrpc({ service, token }: Sender, rpc: DescMethodUnary, bytes: Uint8Array): Promise<Ending> {
  try {
    const send = (rpc as DescMethod).methodKind === 'server_streaming' ? readGrpcBytes : callGrpcBytes;
    await send(service.channel, pathOf(rpc), bytes, { token, deadlineMs: 20_000 });
    return ended(status.OK, '', [], '');
  } catch (error) {
    const { reason, violations } = detailsOf(error);
    return ended(
      (error as ServiceError).code,
      reason ?? '',
      violations.map(({ field }) => field),
      (error as ServiceError).details,
    );
  }
}

/** Sends a body as JSON, in Connect's form for streams where there is one. */
export async function byJson({ service, token }: Sender, rpc: DescMethodUnary, body: string | Uint8Array<ArrayBuffer>): Promise<Ending> {
  const isStream = (rpc as DescMethod).methodKind !== 'unary';
  const headers = { 'content-type': isStream ? 'application/connect+json' : 'application/json', authorization: token };
  const response = await fetch(`${service.url}${pathOf(rpc)}`, { method: 'POST', headers, body: isStream ? enveloped(body) : body });
  const bytes = Buffer.from(await response.arrayBuffer());
  const failure = JSON.parse(isStream ? (lastEnvelope(bytes) ?? bytes).toString() : bytes.toString()) as Failure | { readonly error?: Failure };
  if (isStream && response.ok) return 'error' in failure && failure.error ? told(failure.error) : ended(status.OK, '', [], '');
  return response.ok ? ended(status.OK, '', [], '') : told(failure as Failure);
}

/** An error as Connect writes it. */
interface Failure {
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly debug?: Fields }[];
}

function told({ code = 'unknown', message = '', details = [] }: Failure): Ending {
  const debug = (type: string) => details.find((detail) => detail.type === `google.rpc.${type}`)?.debug;
  const violations = (debug('BadRequest')?.['fieldViolations'] ?? []) as { field?: string }[];
  const statusCode = status[code.toUpperCase() as keyof typeof status] as number | undefined;
  return ended(
    statusCode ?? -1,
    String(debug('ErrorInfo')?.['reason'] ?? ''),
    violations.map(({ field }) => field ?? ''),
    message,
  );
}

/** Flags, the length in four bytes, the message. */
const ENVELOPE_HEADER_BYTES = 5;
const END_OF_STREAM = 0b10;

function enveloped(body: string | Uint8Array): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(body as string);
  const header = Buffer.alloc(ENVELOPE_HEADER_BYTES);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** What ends a stream: its trailers, with the error if there is one. */
function lastEnvelope(bytes: Buffer): Buffer | undefined {
  for (let at = 0; at + ENVELOPE_HEADER_BYTES <= bytes.length; ) {
    const end = at + ENVELOPE_HEADER_BYTES + bytes.readUInt32BE(at + 1);
    if (((bytes[at] ?? 0) & END_OF_STREAM) !== 0) return bytes.subarray(at + ENVELOPE_HEADER_BYTES, end);
    at = end;
  }
  return undefined;
}

const allowed = ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'ABORTED', 'RESOURCE_EXHAUSTED'];

/** Holds an ending to what any caller may be told, whatever he sent. */
export function assertDecent(ending: Ending): void {
  expect(allowed).toContain(ending.status);
  if (ending.status === 'OK') return;
  expect(ending.reason, ending.text).toMatch(/^[A-Z_]+$/);
  expect(ending.text).not.toMatch(/SELECT|INSERT|UPDATE |syntax error|node_modules|\.ts:|postgres/);
  if (ending.reason === 'INVALID_FIELD') expect(ending.fields.length, ending.text).toBeGreaterThan(0);
}
