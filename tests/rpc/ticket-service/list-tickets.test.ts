import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clients, failureOf, insertAgent, insertGroup, insertTickets, type PlainTicket, type Reading, startReading } from '../../support/reading.ts';

type Request = Parameters<Clients['tickets']['listTickets']>[0];

describe('ListTickets', () => {
  let reading: Reading;
  let kyc: string;
  let risk: string;
  let plain: PlainTicket[];
  beforeAll(async () => {
    reading = await startReading();
    kyc = await insertGroup(reading, 'KYC', { supervisorIds: ['sue'] });
    risk = await insertGroup(reading, 'RISK', { supervisorIds: ['sue'] });
    const fraud = await insertGroup(reading, 'FRAUD');
    await insertAgent(reading, 'ada', [kyc]);
    await insertAgent(reading, 'bob', [kyc, risk]);
    // 60 tickets over three groups; statuses, priorities and agents in different rhythms; some share their time.
    plain = Array.from({ length: 60 }, (_, index) => ({
      key: `${['KYC', 'RISK', 'FRAUD'][index % 3]}-${index + 1}`,
      groupId: [kyc, risk, fraud][index % 3] as string,
      userId: 100 + (index % 7),
      ...(index % 5 === 0 ? {} : { agentId: index % 2 === 0 ? 'ada' : 'bob' }),
      status: 1 + (index % 6),
      priority: 1 + (index % 4),
      title: `ticket ${index + 1}`,
      labels: index % 10 === 0 ? ['vip'] : [],
      attributes: index % 3 === 0 ? { tier: 'gold', score: index } : {},
      createTime: new Date(Date.UTC(2026, 0, 1, 0, Math.floor(index / 4))).toISOString(),
    }));
    await insertTickets(reading, plain);
  });
  afterAll(() => reading.close());

  const keysOf = async (clients: Clients, request: Request = {}): Promise<string[]> =>
    (await clients.tickets.listTickets({ pageSize: 1000, ...request })).tickets.map((ticket) => ticket.key);
  /** All keys, page by page, and how long the pages were. */
  const walk = async (clients: Clients, request: Request): Promise<{ keys: string[]; pages: number[] }> => {
    const keys: string[] = [];
    const pages: number[] = [];
    let pageToken = '';
    do {
      const page = await clients.tickets.listTickets({ ...request, pageToken });
      keys.push(...page.tickets.map((ticket) => ticket.key));
      pages.push(page.tickets.length);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return { keys, pages };
  };
  const matching = (condition: (ticket: PlainTicket) => boolean): string[] =>
    plain
      .filter(condition)
      .map((ticket) => ticket.key)
      .sort();

  it('lists the newest first unless told otherwise, fifty to a page', async () => {
    const page = await reading.as('admin').tickets.listTickets({});
    expect(page.tickets).toHaveLength(50);
    expect(page.nextPageToken).not.toBe('');
    const times = page.tickets.map((ticket) => ticket.createTime?.seconds ?? 0n);
    expect(times).toEqual([...times].sort((a, b) => Number(b - a)));
  });

  it.each(['', 'create_time', 'create_time desc', 'priority', 'priority desc', 'priority desc, create_time'])(
    'loses and repeats nothing from page to page, ordered by %j',
    async (orderBy) => {
      const whole = await keysOf(reading.as('admin'), { orderBy });
      expect([...whole].sort()).toEqual(matching(() => true));
      for (const pageSize of [4, 59, 60]) expect((await walk(reading.as('admin'), { orderBy, pageSize })).keys).toEqual(whole);
    },
  );

  it('orders by priority, and equal ones by create time', async () => {
    const { tickets } = await reading.as('admin').tickets.listTickets({ orderBy: 'priority', pageSize: 1000 });
    const ranks = tickets.map((ticket) => [ticket.priority, Number(ticket.createTime?.seconds)] as const);
    expect(ranks).toEqual([...ranks].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
  });

  it.each<[string, () => Request, (ticket: PlainTicket) => boolean]>([
    ['group', () => ({ groupId: kyc }), (ticket) => ticket.groupId === kyc],
    ['agent', () => ({ agentId: 'ada' }), (ticket) => ticket.agentId === 'ada'],
    ['user', () => ({ userId: 103n }), (ticket) => ticket.userId === 103],
    ['statuses', () => ({ statuses: [1, 4] }), (ticket) => ticket.status === 1 || ticket.status === 4],
    ['priorities', () => ({ priorities: [4] }), (ticket) => ticket.priority === 4],
    ['no agent', () => ({ unassigned: true }), (ticket) => ticket.agentId === undefined],
    ['no agent and group', () => ({ unassigned: true, groupId: risk }), (ticket) => ticket.agentId === undefined && ticket.groupId === risk],
    ['an agent and no agent', () => ({ unassigned: true, agentId: 'ada' }), () => false],
    [
      'group, agent, user and status',
      () => ({ groupId: risk, agentId: 'bob', userId: 104n, statuses: [2, 5] }),
      (ticket) => ticket.groupId === risk && ticket.agentId === 'bob' && ticket.userId === 104 && [2, 5].includes(ticket.status ?? 0),
    ],
    [
      'a filter',
      () => ({ filter: 'status in [OPEN, ON_HOLD] && priority >= HIGH' }),
      (ticket) => [1, 3].includes(ticket.status ?? 0) && (ticket.priority ?? 0) >= 3,
    ],
    [
      'a filter over attributes, labels and no agent',
      () => ({ filter: 'attributes.tier == "gold" && ("vip" in labels || agent_id == "")' }),
      (ticket) => JSON.stringify(ticket.attributes).includes('gold') && (ticket.labels?.length === 1 || ticket.agentId === undefined),
    ],
    [
      'a filter over time beside a plain field',
      () => ({ groupId: kyc, filter: 'create_time >= timestamp("2026-01-01T00:05:00Z")' }),
      (ticket) => ticket.groupId === kyc && (ticket.createTime ?? '') >= '2026-01-01T00:05',
    ],
  ])('finds by %s, whole and in pages, in either order', async (_name, request, condition) => {
    for (const orderBy of ['', 'create_time', 'priority desc']) {
      const found = await walk(reading.as('admin'), { ...request(), orderBy, pageSize: 4 });
      expect([...found.keys].sort()).toEqual(matching(condition));
      expect(found.keys).toEqual(await keysOf(reading.as('admin'), { ...request(), orderBy }));
    }
  });

  it('shows agents and supervisors the tickets of their groups only, in the same order', async () => {
    const everything = await keysOf(reading.as('admin'), { orderBy: 'create_time' });
    const inGroups = (groups: readonly string[]) => everything.filter((key) => groups.includes(key.split('-')[0] as string));
    for (const orderBy of ['create_time', 'create_time desc', 'priority']) {
      const all = await keysOf(reading.as('admin'), { orderBy });
      for (const [caller, groups] of [
        [reading.as('agent', 'ada'), ['KYC']],
        [reading.as('agent', 'bob'), ['KYC', 'RISK']],
        [reading.as('supervisor', 'sue'), ['KYC', 'RISK']],
      ] as const) {
        const allowed = new Set(inGroups(groups));
        expect((await walk(caller, { orderBy, pageSize: 9 })).keys).toEqual(all.filter((key) => allowed.has(key)));
      }
    }
    expect(await keysOf(reading.as('agent', 'ada'), { agentId: 'bob' })).toEqual(await keysOf(reading.as('admin'), { agentId: 'bob', groupId: kyc }));
    expect(await keysOf(reading.as('agent', 'ada'), { groupId: risk })).toEqual([]);
    expect(await keysOf(reading.as('agent', 'nobody'))).toEqual([]);
  });

  it('goes on where it stood when tickets are created meanwhile', async () => {
    const { tickets } = reading.as('admin');
    const first = await tickets.listTickets({ groupId: kyc, pageSize: 5 });
    await insertTickets(reading, [{ key: 'KYC-1001', groupId: kyc, createTime: '2026-06-01T00:00:00Z' }]);
    const second = await tickets.listTickets({ groupId: kyc, pageSize: 1000, pageToken: first.nextPageToken });
    await reading.sql(`DELETE FROM tickets WHERE key = 'KYC-1001'`);
    const whole = await keysOf(reading.as('admin'), { groupId: kyc });
    expect([...first.tickets, ...second.tickets].map((ticket) => ticket.key)).toEqual(whole);
  });

  it('ends a page before it is larger than clients take', async () => {
    const big = await insertGroup(reading, 'BIG');
    await insertTickets(
      reading,
      Array.from({ length: 250 }, (_, index) => ({ key: `BIG-${index + 1}`, groupId: big, description: 'é'.repeat(10_000) })),
    );
    const { keys, pages } = await walk(reading.as('admin'), { groupId: big, pageSize: 1000 });
    await reading.sql('DELETE FROM tickets WHERE group_id = $1', [big]);
    expect(new Set(keys).size).toBe(250);
    expect(pages).toHaveLength(2);
    expect(pages[0]).toBeGreaterThan(150);
  });

  it('INVALID_ARGUMENT: a filter that says nothing, names something unknown, or compares unlike types', async () => {
    for (const filter of ['status ==', 'colour == "red"', 'priority >= "blue"', 'title > 3']) {
      expect(await failureOf(reading.as('admin').tickets.listTickets({ filter }))).toMatchObject({
        status: 'INVALID_ARGUMENT',
        reason: 'FILTER_INVALID',
        fields: ['filter'],
      });
    }
  });

  it('INVALID_ARGUMENT: an order by something that no index holds', async () => {
    for (const orderBy of ['title', 'create_time down', 'priority, priority', ',']) {
      expect(await failureOf(reading.as('admin').tickets.listTickets({ orderBy }))).toMatchObject({
        status: 'INVALID_ARGUMENT',
        reason: 'ORDER_BY_INVALID',
        fields: ['order_by'],
      });
    }
  });

  it('INVALID_ARGUMENT: a page token of other arguments, of another caller, or of nobody', async () => {
    const { tickets } = reading.as('admin');
    const { nextPageToken: pageToken } = await tickets.listTickets({ groupId: kyc, pageSize: 2 });
    expect((await tickets.listTickets({ groupId: kyc, pageSize: 9, pageToken })).tickets).toHaveLength(9);
    const wrong = [
      tickets.listTickets({ groupId: risk, pageSize: 2, pageToken }),
      tickets.listTickets({ groupId: kyc, orderBy: 'priority', pageToken }),
      tickets.listTickets({ groupId: kyc, pageToken: `${pageToken.slice(0, -1)}x` }),
      tickets.listTickets({ groupId: kyc, pageToken: 'nonsense' }),
      reading.as('admin', 'another').tickets.listTickets({ groupId: kyc, pageToken }),
    ];
    for (const call of wrong) expect(await failureOf(call)).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'PAGE_TOKEN_INVALID', fields: ['page_token'] });
  });

  it('INVALID_ARGUMENT: a page size below 0, or fields that break their rules', async () => {
    for (const request of [{ pageSize: -1 }, { groupId: 'KYC' }, { agentId: 'a b' }, { userId: -1n }, { statuses: [0] }, { priorities: [9] }]) {
      expect(await failureOf(reading.as('admin').tickets.listTickets(request as Request))).toMatchObject({
        status: 'INVALID_ARGUMENT',
        reason: 'INVALID_FIELD',
      });
    }
  });
});
