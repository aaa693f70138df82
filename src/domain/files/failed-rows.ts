import type { Context } from '../../foundation/context.ts';
import type { ExportedList } from '../../foundation/files/export.ts';
import { PageTokenError } from '../../foundation/page/index.ts';
import { faultText, isOwnColumn, OWN_COLUMNS } from '../imports/index.ts';
import { getOperation, OperationNotFound } from '../operations/index.ts';
import { findFailedRows, type ImportInput } from '../tickets/index.ts';

/** The rows of an import that failed, as a list to export: as they were in the file, with why they failed and what they are called. */
export async function failedRowsOf(ctx: Context, operationId: string): Promise<Omit<ExportedList<readonly string[]>, 'form' | 'resumeToken'>> {
  const operation = await getOperation(ctx, operationId);
  if (operation.kind !== 'IMPORT_TICKETS') throw new OperationNotFound(operationId);
  const { columns } = operation.input as ImportInput;
  const kept = columns.flatMap((column, at) => (isOwnColumn(column) ? [] : [at]));
  const heading = [...kept.map((at) => columns[at] ?? ''), ...OWN_COLUMNS];
  return {
    name: `failures-${operation.operation_id}`,
    columns: heading,
    cells: (texts) => texts.map((text) => ({ kind: 'text', text })),
    json: (texts) => Object.fromEntries(heading.map((column, at) => [column, texts[at] ?? ''])),
    async page(pageToken, pageSize) {
      const rows = await findFailedRows(ctx.sql, operation.operation_id, placeOf(pageToken), pageSize);
      const last = rows.at(-1);
      return {
        items: rows.map(({ row, field, message }) => [...kept.map((at) => row.cells[at] ?? ''), faultText([{ field, message }]), row.reference]),
        nextPageToken: last && rows.length === pageSize ? `${last.chunk}-${last.place}` : '',
      };
    },
  };
}

/** Chunk and place after which a page begins. */
function placeOf(pageToken: string): readonly [chunk: number, place: number] {
  if (pageToken === '') return [0, 0];
  const found = /^(\d{1,6})-(\d{1,4})$/.exec(pageToken);
  if (!found) throw new PageTokenError('resume_token');
  return [Number(found[1]), Number(found[2])];
}
