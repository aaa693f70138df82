import type { MessageInitShape } from '@bufbuild/protobuf';
import { expect, vi } from 'vitest';
import { FileService, type ImportTicketsRequestSchema, type ImportTicketsResponse } from '../../gen/ticketing/v1/file_service_pb.ts';
import type { ImportSettingsSchema } from '../../gen/ticketing/v1/import_pb.ts';
import { type Operation, OperationState, type OperationTicket } from '../../gen/ticketing/v1/operation_pb.ts';
import { OperationService } from '../../gen/ticketing/v1/operation_service_pb.ts';
import { streamGrpc } from './edge/clients.ts';
import type { Service } from './service.ts';

export type ImportMessage = MessageInitShape<typeof ImportTicketsRequestSchema>;
export type Settings = MessageInitShape<typeof ImportSettingsSchema>;

/** What a heading "User ID,Group,Title" means. */
export const PLAIN = { userId: { column: 'User ID' }, group: { column: 'Group' }, title: { column: 'Title' } };

/** A file under that heading. */
export const sheet = (...rows: string[]): string => ['User ID,Group,Title', ...rows, ''].join('\n');

/** The messages of an import: the settings alone, then the file in pieces of so many bytes. */
export function* importMessages(settings: Settings, file: string | Uint8Array, more: ImportMessage = {}, pieceBytes = 100_000): Generator<ImportMessage> {
  yield { ...more, settings } as ImportMessage;
  const bytes = Buffer.from(file as string);
  for (let at = 0; at < bytes.length; at += pieceBytes) yield { chunk: bytes.subarray(at, at + pieceBytes) };
}

/** Sends them by gRPC. */
export const sendImport = (
  service: Pick<Service, 'channel'>,
  messages: Iterable<ImportMessage> | AsyncIterable<ImportMessage>,
  token: string,
  signal?: AbortSignal,
) => streamGrpc(service.channel, FileService.method.importTickets, messages, { token, deadlineMs: 60_000, ...(signal ? { signal } : {}) });

/** Resolves when no import is under way: what one does goes on after its answer. */
export const importsEnded = ({ sql }: Pick<Service, 'sql'>): Promise<void> =>
  vi.waitFor(async () => {
    expect(await sql(`SELECT 1 FROM operations WHERE rpc = 'ticketing.v1.FileService/ImportTickets' AND state = 'RUNNING'`)).toEqual([]);
  }, 10_000);

/** An import and what became of it. */
export interface Imported {
  readonly answer: ImportTicketsResponse;
  readonly operation: Operation;
  readonly rows: readonly OperationTicket[];
}

/** Waits for the end of an import, and reads what became of each row. */
export async function endOfImport(service: Service, answer: ImportTicketsResponse, token: string): Promise<Imported> {
  const { operationId } = answer;
  for (;;) {
    const { operation } = await service.call(OperationService.method.waitOperation, { operationId, timeout: { seconds: 10n, nanos: 0 } }, token);
    if (!operation || operation.state === OperationState.RUNNING || operation.state === OperationState.PAUSED) continue;
    const { tickets } = await service.call(OperationService.method.listOperationTickets, { operationId, pageSize: 1000 }, token);
    return { answer, operation, rows: tickets };
  }
}
