import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';

describe('BatchGetTickets', () => {
  let reading: Reading;
  let ids: string[];
  beforeAll(async () => {
    reading = await startReading();
    const kyc = await insertGroup(reading, 'KYC');
    const risk = await insertGroup(reading, 'RISK');
    await insertAgent(reading, 'ada', [kyc]);
    ids = await insertTickets(reading, [
      { key: 'KYC-1', groupId: kyc },
      { key: 'KYC-2', groupId: kyc },
      { key: 'RISK-1', groupId: risk },
    ]);
  });
  afterAll(() => reading.close());

  it('answers in the order asked for, by id and by key, and twice what was named twice', async () => {
    const wanted = ['RISK-1', ids[0] as string, 'KYC-2', (ids[0] as string).toUpperCase(), 'KYC-1'];
    const { tickets } = await reading.as('admin').tickets.batchGetTickets({ ticketIds: wanted });
    expect(tickets.map((ticket) => ticket.key)).toEqual(['RISK-1', 'KYC-1', 'KYC-2', 'KYC-1', 'KYC-1']);
  });

  it('answers a thousand at once', async () => {
    const { tickets } = await reading
      .as('service')
      .tickets.batchGetTickets({ ticketIds: Array.from({ length: 1000 }, (_, index) => ids[index % 3] as string) });
    expect(tickets).toHaveLength(1000);
  });

  it('NOT_FOUND: one of them does not exist, and then none is answered', async () => {
    const failure = await failureOf(reading.as('admin').tickets.batchGetTickets({ ticketIds: ['KYC-1', 'KYC-9', 'KYC-8'] }));
    expect(failure).toMatchObject({ status: 'NOT_FOUND', reason: 'TICKET_NOT_FOUND', facts: { ticket_id: 'KYC-9' } });
  });

  it('NOT_FOUND: one of them is outside the groups of the caller', async () => {
    const { tickets } = reading.as('agent', 'ada');
    expect((await tickets.batchGetTickets({ ticketIds: ['KYC-2', 'KYC-1'] })).tickets).toHaveLength(2);
    expect(await failureOf(tickets.batchGetTickets({ ticketIds: ['KYC-1', 'RISK-1'] }))).toMatchObject({
      reason: 'TICKET_NOT_FOUND',
      facts: { ticket_id: 'RISK-1' },
    });
  });

  it('RESOURCE_EXHAUSTED: together they are larger than clients take', async () => {
    await reading.sql(`UPDATE tickets SET description = repeat('é', 10000) WHERE key = 'KYC-2'`);
    const { tickets } = reading.as('admin');
    const many = (count: number) => Array.from({ length: count }, () => 'KYC-2');
    expect((await tickets.batchGetTickets({ ticketIds: many(180) })).tickets).toHaveLength(180);
    expect(await failureOf(tickets.batchGetTickets({ ticketIds: many(190) }))).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'RESPONSE_TOO_LARGE' });
  });

  it('INVALID_ARGUMENT: none, more than a thousand, or something that is no id', async () => {
    const { tickets } = reading.as('admin');
    for (const ticketIds of [[], Array.from({ length: 1001 }, () => 'KYC-1'), ['KYC-1', 'kyc']]) {
      expect(await failureOf(tickets.batchGetTickets({ ticketIds }))).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
    }
  });
});
