import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileFormat } from '../../../gen/ticketing/v1/file_service_pb.ts';
import { makeDice } from '../../support/dice.ts';
import { readCut, readWhole, sheetOf } from '../../support/file-reading.ts';
import { type Clients, failureOf, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';

type Request = Parameters<Clients['files']['exportAuditEntries']>[0];

describe('ExportAuditEntries', () => {
  let reading: Reading;
  beforeAll(async () => {
    reading = await startReading();
    const kyc = await insertGroup(reading, 'KYC');
    await insertTickets(
      reading,
      Array.from({ length: 700 }, (_, at) => ({ key: `KYC-${at}`, groupId: kyc, title: `=1+${at}` })),
    );
  });
  afterAll(() => reading.close());

  const start = (request: Request, who: Clients) => (resumeToken: string, signal: AbortSignal) =>
    who.files.exportAuditEntries({ ...request, resumeToken } as Request, { signal });
  const whole = (request: Request, who = reading.as('auditor')) => readWhole(start(request, who));

  it('gives every entry of the list, newest first', async () => {
    const rows = parse((await whole({})).bytes.toString(), { columns: true }) as Record<string, string>[];
    const stored = await reading.sql<{ entry_id: string }>('SELECT entry_id FROM audit_entries ORDER BY entry_id DESC');
    expect(rows.map((row) => row['entry_id'])).toEqual(stored.map((row) => row.entry_id));
    expect(JSON.parse(rows[0]?.['after'] ?? '')).toMatchObject({ title: '=1+699', priority: 'MEDIUM' });
    expect(rows[0]).toMatchObject({ operation: 'CREATE', actor_kind: 'DATABASE', entity_type: 'ticket' });
  });

  it('takes the conditions of the list', async () => {
    const lines = (await whole({ list: { entityType: 'group' }, format: FileFormat.NDJSON })).bytes.toString().trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { entity_type: string }).entity_type)).toEqual(['group']);
  });

  it('is cut at random places and resumed', async () => {
    for (const format of [FileFormat.CSV, FileFormat.XLSX]) {
      const { bytes } = await whole({ format });
      const cut = await readCut(start({ format }, reading.as('auditor')), makeDice(7));
      expect(cut.cuts).toBeGreaterThan(0);
      expect(cut.bytes.equals(bytes)).toBe(true);
    }
    expect(sheetOf((await whole({ format: FileFormat.XLSX })).bytes)).not.toMatch(/<f[ >]/);
  });

  it('FAILED_PRECONDITION: a value is too long for a cell', async () => {
    const wide = await insertGroup(reading, 'WIDE');
    await insertTickets(reading, [{ key: 'W-1', groupId: wide, attributes: { long: 'x'.repeat(33_000) } }]);
    expect(await failureOf(whole({ format: FileFormat.XLSX }))).toMatchObject({ reason: 'EXPORT_DOES_NOT_FIT', facts: { column: 'after' } });
  });

  it('INVALID_ARGUMENT: a page, a filter or a token that cannot be', async () => {
    expect(await failureOf(whole({ list: { pageSize: 3 } }))).toMatchObject({ fields: ['list'] });
    expect(await failureOf(whole({ list: { filter: 'nonsense' } }))).toMatchObject({ reason: 'FILTER_INVALID' });
    expect(
      await failureOf(readWhole((_token, signal) => reading.as('auditor').files.exportAuditEntries({ resumeToken: 'csv.tickets.x' }, { signal }))),
    ).toMatchObject({
      reason: 'PAGE_TOKEN_INVALID',
      fields: ['resume_token'],
    });
  });

  it('PERMISSION_DENIED: whoever may not read the log', async () => {
    for (const role of ['supervisor', 'agent', 'service'] as const)
      expect(await failureOf(whole({}, reading.as(role)))).toMatchObject({ status: 'PERMISSION_DENIED' });
  });
});
