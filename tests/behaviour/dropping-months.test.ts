import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropMonth } from '../../src/edge/cli/audit/drop-month.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import { moveClock } from '../support/database/index.ts';
import { insertGroup, insertTickets, type Reading, startReading } from '../support/reading.ts';
import { openSealedLog, type SealedLog } from '../support/sealed-log.ts';

describe('dropping a month of the log', () => {
  let reading: Reading;
  let log: SealedLog;
  let month: string;
  beforeEach(async () => {
    reading = await startReading();
    log = openSealedLog(reading);
    const kyc = await insertGroup(reading, 'KYC');
    await insertTickets(
      reading,
      [1, 2, 3].map((number) => ({ key: `KYC-${number}`, groupId: kyc })),
    );
    const [row] = await reading.sql<{ month: string }>(`SELECT to_char(docket_now() AT TIME ZONE 'UTC', 'YYYY-MM') AS month`);
    month = row?.month ?? '';
  });
  afterEach(() => reading.close());

  /** The month is over, and there is something later. */
  const goOn = async () => {
    await log.seal();
    await moveClock(reading.url, '40 days');
    await reading.sql(`UPDATE tickets SET title = 'later'`);
    await log.seal();
  };
  const entries = async (): Promise<number> => (await reading.sql<{ count: number }>('SELECT count(*)::integer AS count FROM audit_entries'))[0]?.count ?? 0;

  it('leaves a log that verifies, says who dropped it and why, and still proves what is left', async () => {
    await goOn();
    const before = await entries();
    const [last] = await reading.sql<{ count: number }>(
      `SELECT count(*)::integer AS count FROM audit_entries WHERE to_char(time AT TIME ZONE 'UTC', 'YYYY-MM') = $1`,
      [month],
    );
    const gone = last?.count ?? 0;
    expect(await dropMonth(reading.url, month, 'kept long enough')).toBe(`${month} is dropped: ${gone} entries are gone, their seals stay.`);
    expect(await entries()).toBe(before - gone + 1);
    await log.seal();
    const { findings, tally } = await log.verify();
    expect(findings).toEqual([]);
    expect(tally).toMatchObject({ droppedEntries: gone, entries: before - gone + 1, unsealedEntries: 0 });
    const { auditEntries } = await reading.as('auditor').audit.listAuditEntries({ entityType: 'dropped_month' });
    expect(auditEntries).toMatchObject([{ rpc: 'cli/audit drop-month', reason: 'kept long enough', entityId: `${month}-01`, after: { entries: gone } }]);
    expect(auditEntries[0]?.actor).toMatch(/^cli:/);
    expect((await reading.as('auditor').audit.getInclusionProof({ entryId: auditEntries[0]?.entryId ?? '' })).inclusionProof?.sequence).toBeGreaterThan(0n);
  });

  it('keeps an erasure explained whose own record was of the month', async () => {
    const [ticket] = await reading.sql<{ id: string }>('SELECT ticket_id AS id FROM tickets LIMIT 1');
    await moveClock(reading.url, '40 days');
    await log.seal();
    await reading.sql(`UPDATE tickets SET title = 'Later'`);
    await reading.sql(`SELECT erase_entries('ticket', $1, '{title}')`, [ticket?.id]);
    await log.seal();
    expect((await log.verify()).findings).toEqual([]);
    await dropMonth(reading.url, month, '');
    expect((await log.verify()).findings).toEqual([]);
  });

  it('is refused while the month is not over, not sealed, or not there', async () => {
    await log.seal();
    await expect(dropMonth(reading.url, month, '')).rejects.toThrow('only a whole month that is over can be dropped');
    await moveClock(reading.url, '40 days');
    await expect(dropMonth(reading.url, '1999-01', '')).rejects.toThrow('the log has no month 1999-01');
    await expect(dropMonth(reading.url, '2025-13', '')).rejects.toThrow('2025-13 is no month such as 2025-11');
    await moveClock(reading.url, '-40 days');
    await reading.sql(`UPDATE tickets SET title = 'not sealed'`);
    await moveClock(reading.url, '40 days');
    const before = await entries();
    await expect(dropMonth(reading.url, month, '')).rejects.toThrow(`entries of ${month} are not sealed yet`);
    expect(await entries()).toBe(before);
    expect(await reading.sql('SELECT FROM dropped_months')).toEqual([]);
  });

  it("is not for the service's own role", async () => {
    await goOn();
    await expect(sqlOf(reading.orm.em.fork())(`SELECT drop_audit_month($1)`, [`${month}-01`])).rejects.toThrow('permission denied');
  });
});
