import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileFormat, FileService } from '../../../gen/ticketing/v1/file_service_pb.ts';
import { GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { createDocketClient, type DocketClient } from '../../../src/client/index.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { makeDice } from '../../support/dice.ts';
import { readCut, readWhole, sheetOf } from '../../support/file-reading.ts';
import { hostileValues } from '../../support/formulas.ts';
import { endOfImport, importMessages, PLAIN, sendImport } from '../../support/imports.ts';
import { insertOperation } from '../../support/operations.ts';
import { outcomeOf, type Service, startService } from '../../support/service.ts';

let service: Service;
let admin: string;
let docket: DocketClient;

beforeAll(async () => {
  service = await startService();
  admin = await service.person('root', ['admin']);
  docket = createDocketClient({ baseUrl: service.url, token: admin.replace('Bearer ', '') });
  await service.call(GroupService.method.createGroup, { group: { key: 'ONE' } }, admin);
});
afterAll(async () => {
  docket?.close();
  await service?.close();
});

/** Lines of CSV whose values are in quotation marks. */
const csv = (...rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `${row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`).join('');
const HEADING = ['User ID', 'Group', 'Title', 'Note'];
const MAPPING = { ...PLAIN, attributes: [{ name: 'note', column: 'Note' }] };

async function imported(file: string, source: string, token = admin): Promise<string> {
  const answer = await sendImport(service, importMessages({ source, mapping: MAPPING }, file), token);
  await endOfImport(service, answer, token);
  return answer.operationId;
}

const start =
  (operationId: string, format: FileFormat = FileFormat.CSV) =>
  (resumeToken: string, signal: AbortSignal) =>
    docket.files.exportImportFailures({ operationId, format, resumeToken }, { signal });
const failures = async (operationId: string, format?: FileFormat) => (await readWhole(start(operationId, format))).bytes;

describe('ExportImportFailures', () => {
  it('gives the rows that failed as they were, to be corrected and sent again as the same rows', async () => {
    const file = csv(HEADING, ['7', 'ONE', 'fine', ''], ['seven', 'ONE', 'one', 'a\0b'], ['8', 'NONE', 'two', 'x'], ['seven', 'ONE', 'three', '']);
    const operationId = await imported(file, 'corrected');
    const bytes = await failures(operationId);
    const rows = parse(bytes.toString()) as string[][];
    expect(rows).toEqual([
      [...HEADING, 'docket_error', 'docket_reference'],
      ['seven', 'ONE', 'one', 'a\0b', 'user_id: must be a whole number above 0; attributes: attributes: must not contain the NUL character', 'seven/ONE/1'],
      ['8', 'NONE', 'two', 'x', 'group: there is no such group', '8/NONE/1'],
      ['seven', 'ONE', 'three', '', 'user_id: must be a whole number above 0', 'seven/ONE/2'],
    ]);
    const corrected = rows.map((row) =>
      row.map((cell) =>
        cell
          .replace(/^seven$/, '77')
          .replace('NONE', 'ONE')
          .replace('\0', ''),
      ),
    );
    const again = await imported(csv(...corrected), 'corrected');
    expect((parse((await failures(again)).toString()) as string[][]).slice(1)).toEqual([]);
    const tickets = await service.sql(
      `SELECT user_id::int AS user_id, title, attributes, external_references -> 0 ->> 'id' AS reference FROM tickets
       WHERE external_references @> '[{"system":"corrected"}]' ORDER BY substring(key from '[0-9]+$')::int`,
    );
    expect(tickets).toMatchObject([
      { user_id: 7, title: 'fine' },
      { user_id: 77, title: 'one', attributes: { note: 'ab' }, reference: 'seven/ONE/1' },
      { user_id: 8, title: 'two', reference: '8/ONE/1' },
      { user_id: 77, title: 'three', reference: 'seven/ONE/2' },
    ]);
    const third = await imported(csv(...corrected), 'corrected');
    expect(await service.sql('SELECT unchanged_count::int AS there FROM operations WHERE operation_id = $1', [third])).toEqual([{ there: 3 }]);
  });

  it('guards hostile values in CSV, keeps them as they were in NDJSON, and makes no cell a formula', async () => {
    const values = hostileValues.filter((value) => value.trim() !== '').slice(0, 300);
    const operationId = await imported(csv(HEADING, ...values.map((value) => ['x', 'ONE', value, ''])), 'hostile');
    const kept = (await failures(operationId, FileFormat.NDJSON))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as Record<string, string>)['Title'] ?? '');
    expect(kept).toHaveLength(values.length);
    const guarded = parse((await failures(operationId)).toString()) as string[][];
    for (const cell of guarded.flat()) expect(cell).not.toMatch(/^[\s]*[=+\-@＝＋－＠]/);
    expect(sheetOf(await failures(operationId, FileFormat.XLSX))).not.toMatch(/<f[ >]/);
    // Sent again as they are, they are the same values.
    const again = await imported((await failures(operationId)).toString(), 'hostile');
    expect((await failures(again)).toString()).toEqual((await failures(operationId)).toString());
  });

  it.each([FileFormat.CSV, FileFormat.XLSX, FileFormat.NDJSON])('is cut at random places and resumed (form %s)', async (format) => {
    const rows = Array.from({ length: 1_300 }, (_, at) => [at % 3 === 0 ? String(at + 1) : 'nobody', 'ONE', `row ${at}`, '']);
    const operationId = await imported(csv(HEADING, ...rows), `cut ${format}`);
    const { bytes, pieces } = await readWhole(start(operationId, format));
    expect(pieces).toBeGreaterThan(2);
    if (format === FileFormat.CSV)
      expect((parse(bytes.toString()) as string[][]).slice(1).map((row) => row[2])).toEqual(rows.flatMap((row) => (row[0] === 'nobody' ? [row[2]] : [])));
    const cut = await readCut(start(operationId, format), makeDice(5));
    expect(cut.cuts).toBeGreaterThan(0);
    expect(cut.bytes.equals(bytes)).toBe(true);
  });

  it('has no rows any more once the operation’s time is over, whether a job came by or not', async () => {
    const operationId = await imported(csv(HEADING, ['x', 'ONE', 'old', '']), 'old');
    expect(parse((await failures(operationId)).toString())).toHaveLength(2);
    await service.sql(`UPDATE operations SET end_time = now() - interval '31 days' WHERE operation_id = $1`, [operationId]);
    expect(parse((await failures(operationId)).toString())).toHaveLength(1);
    const abandoned = 'SELECT count(*)::int AS count FROM imports';
    await service.sql(
      `INSERT INTO imports (operation_id, create_time) VALUES (gen_random_uuid(), now() - interval '25 hours'), (gen_random_uuid(), now() - interval '23 hours')`,
    );
    const [before] = await service.sql<{ count: number }>(abandoned);
    const drop = jobs.find(({ name }) => name === 'drop-old-import-rows');
    await drop?.run({}, { orm: service.app.database.orm } as Parameters<typeof drop.run>[1]);
    const [after] = await service.sql<{ count: number }>(abandoned);
    expect((before?.count ?? 0) - (after?.count ?? 0)).toBe(2);
    expect(await service.sql('SELECT 1 FROM import_rows WHERE operation_id = $1', [operationId])).toEqual([]);
  });

  it('NOT_FOUND: imports of others, and operations that are none', async () => {
    const operationId = await imported(csv(HEADING, ['x', 'ONE', 'mine', '']), 'mine');
    const ask = (id: string, token: string) => outcomeOf(service.call(FileService.method.exportImportFailures as never, { operationId: id } as never, token));
    expect(await ask(operationId, await service.person('sue', ['supervisor', 'agent']))).toBe('OPERATION_NOT_FOUND');
    expect(await ask(operationId, await service.person('ines', ['auditor']))).toBe('ok');
    expect(await ask(await insertOperation(service.sql, 'user:root', operationId), admin)).toBe('OPERATION_NOT_FOUND');
  });

  it('INVALID_ARGUMENT: a token of another file', async () => {
    const operationId = await imported(csv(HEADING, ['x', 'ONE', 'mine', '']), 'tokens');
    for (const resumeToken of ['csv.tickets.0-1', `csv.failures-${operationId}.x`, `xlsx.failures-${operationId}.0-1`])
      await expect(readWhole((_token, signal) => docket.files.exportImportFailures({ operationId, resumeToken }, { signal }))).rejects.toThrow('resume_token');
  });
});
