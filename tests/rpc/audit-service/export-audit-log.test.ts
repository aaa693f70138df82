import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditExportFormat } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { failureOf, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';
import { openSealedLog } from '../../support/sealed-log.ts';

const FORMULA = '=HYPERLINK("http://example.org")';

describe('ExportAuditLog', () => {
  let reading: Reading;
  beforeAll(async () => {
    reading = await startReading();
    const kyc = await insertGroup(reading, 'KYC');
    await insertTickets(
      reading,
      Array.from({ length: 700 }, (_, at) => ({ key: `KYC-${at}`, groupId: kyc, title: `${FORMULA} ${at}`, attributes: { exact: 0.1, text: 'a\nb"c' } })),
    );
    await openSealedLog(reading).seal();
    await reading.sql(`UPDATE groups SET name = 'Not sealed yet'`);
  });
  afterAll(() => reading.close());

  interface Asked {
    readonly format?: AuditExportFormat;
    readonly afterSequence?: bigint;
    readonly endSequence?: bigint;
  }
  async function pieces(request: Asked) {
    const received: { text: string; last: bigint }[] = [];
    for await (const { chunk, lastSequence } of reading.as('auditor').audit.exportAuditLog(request)) {
      received.push({ text: Buffer.from(chunk).toString(), last: lastSequence });
    }
    return received;
  }
  const textOf = async (request: Asked): Promise<string> => (await pieces(request)).map(({ text }) => text).join('');
  const entriesIn = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('gives every sealed entry once, in order, a line each', async () => {
    const entries = entriesIn(await textOf({}));
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, at) => at + 1));
    const [counted] = await reading.sql<{ count: number }>('SELECT count(*)::integer AS count FROM sealed_entries');
    expect(entries).toHaveLength(counted?.count ?? 0);
    const [stored] =
      await reading.sql(`SELECT entry_id::integer, actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version::integer, operation,
      changed_fields, before, after FROM audit_entries JOIN sealed_entries USING (entry_id) WHERE sequence = 500`);
    expect(entries[499]).toMatchObject({ ...stored });
  });

  it('is resumed after whatever was received', async () => {
    const whole = await textOf({});
    const received = await pieces({});
    expect(received.length).toBeGreaterThan(3);
    const [first, second] = received as [{ text: string; last: bigint }, { text: string; last: bigint }];
    expect(first.text + second.text + (await textOf({ afterSequence: second.last }))).toBe(whole);
    expect(entriesIn(await textOf({ afterSequence: 10n, endSequence: 12n })).map(({ sequence }) => sequence)).toEqual([11, 12]);
    expect(await textOf({ afterSequence: received.at(-1)?.last ?? 0n })).toBe('');
  });

  it('gives CSV that a spreadsheet shows and does not carry out', async () => {
    await reading.sql(`UPDATE tickets SET title = 'x' WHERE key = 'KYC-0'`);
    const rows = parse(await textOf({ format: AuditExportFormat.CSV }), { columns: true }) as Record<string, string>[];
    const [counted] = await reading.sql<{ count: number }>('SELECT count(*)::integer AS count FROM sealed_entries');
    expect(rows).toHaveLength(counted?.count ?? 0);
    expect(JSON.parse(rows[500]?.after ?? '')).toMatchObject({ title: expect.stringContaining(FORMULA) });
    for (const row of rows) for (const value of Object.values(row)) expect(value).not.toMatch(/^[=+\-@\t\r]/);
  });

  it('OUT_OF_RANGE: the log ends before the place to go on after', async () => {
    expect(await failureOf(pieces({ afterSequence: 1_000_000n }))).toMatchObject({ status: 'OUT_OF_RANGE', reason: 'SEQUENCE_NOT_REACHED' });
  });

  it('INVALID_ARGUMENT: a form that does not exist, a negative sequence', async () => {
    expect(await failureOf(pieces({ format: 9 as AuditExportFormat }))).toMatchObject({ reason: 'INVALID_FIELD' });
    expect(await failureOf(pieces({ afterSequence: -1n }))).toMatchObject({ reason: 'INVALID_FIELD' });
  });
});
