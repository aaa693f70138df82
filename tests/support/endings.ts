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

/** Sends a body as JSON. */
export async function byJson({ service, token }: Sender, rpc: DescMethodUnary, body: string | Uint8Array<ArrayBuffer>): Promise<Ending> {
  const headers = { 'content-type': 'application/json', authorization: token };
  const response = await fetch(`${service.url}${pathOf(rpc)}`, { method: 'POST', headers, body });
  const text = await response.text();
  if (response.ok) return ended(status.OK, '', [], '');
  const {
    code = 'unknown',
    message = '',
    details = [],
  } = JSON.parse(text) as { code?: string; message?: string; details?: { type: string; debug?: Fields }[] };
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

const allowed = ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'ABORTED', 'RESOURCE_EXHAUSTED'];

/** Holds an ending to what any caller may be told, whatever he sent. */
export function assertDecent(ending: Ending): void {
  expect(allowed).toContain(ending.status);
  if (ending.status === 'OK') return;
  expect(ending.reason, ending.text).toMatch(/^[A-Z_]+$/);
  expect(ending.text).not.toMatch(/SELECT|INSERT|UPDATE |syntax error|node_modules|\.ts:|postgres/);
  if (ending.reason === 'INVALID_FIELD') expect(ending.fields.length, ending.text).toBeGreaterThan(0);
}
