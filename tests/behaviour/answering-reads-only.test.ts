import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, type DescMethodUnary, toBinary } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { type App, startApp } from '../../src/app.ts';
import { createServiceToken } from '../../src/domain/access/index.ts';
import { endpointsOf } from '../../src/edge/rpc/endpoints.ts';
import { routes } from '../../src/edge/rpc/routes.ts';
import { loadConfig } from '../../src/foundation/config/index.ts';
import { createEmptyDatabase } from '../support/database/index.ts';
import { callGrpc, callGrpcBytes, detailsOf, failureOf, grpcChannel, pathOf } from '../support/edge/clients.ts';
import { type OwnPostgres, startPostgres } from '../support/fleet/postgres.ts';
import { outcomeOf, type Service, startService } from '../support/service.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };
const everyRole = ['admin', 'supervisor', 'agent', 'service', 'auditor'] as const;
const mutations = endpointsOf(routes)
  .filter(({ mutates }) => mutates)
  .map(({ method }) => method);

const readiness = async (url: string): Promise<string> => (await (await fetch(`${url}/readyz`)).text()).trim();

describe('a service whose database is closed to changes and opened again', () => {
  let service: Service;
  let token: string;
  let groupId: string;
  beforeAll(async () => {
    service = await startService();
    token = await service.person('everybody', everyRole);
    const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'KYC' } }, token);
    groupId = group?.groupId ?? '';
    await service.call(AgentService.method.createAgent, { agent: { agentId: 'ann', groupIds: [groupId] } }, token);
    await service.call(AgentService.method.createAgent, { agent: { agentId: 'ben', groupIds: [groupId] } }, token);
    for (const agentId of ['ann', 'ben']) await service.call(TicketService.method.createTicket, { groupId, userId: 6n, agentId }, token);
  });
  afterAll(() => service.close());

  /** As an administrator of the database does it, whatever his session is set to. */
  const set = async (readOnly: boolean): Promise<void> => {
    const [database] = await service.sql<{ name: string }>('SELECT current_database() AS name');
    await service.sql(`SET transaction_read_only = off; ALTER DATABASE "${database?.name}" SET default_transaction_read_only = ${readOnly ? 'on' : 'off'}`);
    await vi.waitFor(async () => expect(await readiness(service.url)).toBe(readOnly ? 'ready, read-only' : 'ready'), PATIENCE);
  };
  const jobConnections = async (): Promise<number> =>
    (
      await service.sql<{ count: number }>(`SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'docket-jobs' AND datname = current_database()`)
    )[0]?.count ?? 0;
  const unsealed = async (): Promise<number> =>
    (
      await service.sql<{ count: number }>(
        'SELECT count(*)::int FROM audit_entries e WHERE NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id)',
      )
    )[0]?.count ?? 0;

  it('it refuses every change, answers reads and checks, and writes nothing by itself; then all goes on', async () => {
    expect(await jobConnections()).toBeGreaterThan(0);
    await vi.waitFor(async () => expect(await unsealed()).toBe(0), PATIENCE);
    await set(true);
    await vi.waitFor(async () => expect(await jobConnections()).toBe(0), PATIENCE);
    const before = await service.checksums();
    for (const method of mutations) {
      const call = callGrpcBytes(service.channel, pathOf(method), toBinary(method.input, create(method.input)), { token, deadlineMs: 20_000 });
      expect(await outcomeOf(call), method.name).toBe('READ_ONLY');
    }
    const refused = await failureOf(service.call(TicketService.method.createTicket, { groupId, userId: 7n }, token));
    expect(refused).toMatchObject({ code: 14 });
    expect(detailsOf(refused).retryDelayMs).toBe(5_000);
    expect(await service.call(TicketService.method.createTicket, { groupId, userId: 7n, validateOnly: true }, token)).toMatchObject({
      ticket: { agentId: 'ann' },
    });
    const plan = await service.call(TicketService.method.reassignTickets, { fromAgentIds: ['ann'], validateOnly: true }, token);
    expect(plan).toMatchObject({ movedTickets: [{ toAgentId: 'ben' }], planToken: '' });
    expect((await service.call(GroupService.method.listGroups, {}, token)).groups).toHaveLength(1);
    const denied = await service.person('nobody', ['auditor']);
    expect(await outcomeOf(service.call(GroupService.method.createGroup, { group: { key: 'X' } }, denied))).toBe('PERMISSION_DENIED');
    expect(await service.checksums()).toEqual(before);
    const figures = await (await fetch(`http://127.0.0.1:${service.app.server.metricsPort}/metrics`)).text();
    expect(figures).toMatch(/^docket_read_only 1$/m);

    // What somebody else writes past the service is not sealed, through several rounds of the sealer.
    await service.sql(`SET transaction_read_only = off; UPDATE groups SET name = 'changed by hand'`);
    const untilMs = performance.now() + 2_000;
    await vi.waitFor(async () => {
      expect(await unsealed()).toBeGreaterThan(0);
      expect(performance.now()).toBeGreaterThan(untilMs);
    }, PATIENCE);
    expect(await service.sql(`SELECT FROM audit_entries WHERE operation = 'REFUSE'`)).toEqual([]);

    await set(false);
    expect(await service.call(TicketService.method.createTicket, { groupId, userId: 7n }, token)).toMatchObject({ ticket: { agentId: 'ann' } });
    await vi.waitFor(async () => {
      expect(await jobConnections()).toBeGreaterThan(0);
      expect(await unsealed()).toBe(0);
      // What was refused meanwhile to a caller who may not is on record now; what was refused to all is not.
      expect(await service.sql(`SELECT after->>'error_reason' AS why FROM audit_entries WHERE operation = 'REFUSE'`)).toEqual([{ why: 'PERMISSION_DENIED' }]);
    }, PATIENCE);
    expect(service.faults).toEqual([]);
  }, 90_000);
});

describe('a service that starts to read only', () => {
  const author = { actor: 'system', actorKind: 'SYSTEM', rpc: 'tests', reason: 'a token for a test' } as const;
  const log = pino({ level: 'silent' });
  let postgres: OwnPostgres;
  let token: string;

  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<App> =>
    startApp(
      loadConfig({
        DATABASE_URL: postgres.url,
        DOCKET_GRPC_PORT: '0',
        DOCKET_CONNECT_PORT: '0',
        DOCKET_METRICS_PORT: '0',
        DOCKET_DATABASE_POOL_SIZE: '4',
        ...settings,
      }),
      log,
    );
  const calls = (app: App) => {
    const channel = grpcChannel(`127.0.0.1:${app.server.grpcPort}`);
    onTestFinished(() => channel.close());
    return <M extends DescMethodUnary>(method: M, request: object) => callGrpc(channel, method, request as never, { token, deadlineMs: 20_000 });
  };

  beforeAll(async () => {
    postgres = await startPostgres({ fast: true });
    const app = await start();
    token = `Bearer ${(await createServiceToken(app.database.orm.em.fork(), author, { name: 'test', roles: ['admin'] })).token}`;
    const channel = grpcChannel(`127.0.0.1:${app.server.grpcPort}`);
    await callGrpc(channel, GroupService.method.createGroup, { group: { key: 'KYC' } }, { token });
    channel.close();
    await app.close();
  }, 60_000);
  afterAll(() => postgres.remove());

  const listGroups = GroupService.method.listGroups;
  const createGroup = GroupService.method.createGroup;

  it('it does so by its setting, for as long as it runs', async () => {
    const app = await start({ DOCKET_READ_ONLY: 'true' });
    onTestFinished(() => app.close());
    const call = calls(app);
    expect(await call(listGroups, {})).toMatchObject({ groups: [{ key: 'KYC' }] });
    expect(await outcomeOf(call(createGroup, { group: { key: 'X' } }))).toBe('READ_ONLY');
    expect(await postgres.sql(`SELECT FROM pg_stat_activity WHERE application_name = 'docket-jobs'`)).toEqual([]);
  });

  it('it does so for a user who may not write', async () => {
    await postgres.sql('ALTER ROLE CURRENT_USER SET default_transaction_read_only = on');
    const app = await start();
    onTestFinished(() => app.close());
    const call = calls(app);
    expect(await call(listGroups, {})).toMatchObject({ groups: [{ key: 'KYC' }] });
    expect(await outcomeOf(call(createGroup, { group: { key: 'X' } }))).toBe('READ_ONLY');
    await postgres.sql('SET transaction_read_only = off; ALTER ROLE CURRENT_USER RESET default_transaction_read_only');
    await vi.waitFor(async () => expect(await readiness(`http://127.0.0.1:${app.server.connectPort}`)).toBe('ready'), PATIENCE);
    // Also by the connections that were made while he might not.
    expect(await outcomeOf(call(createGroup, { group: { key: 'X' } }))).toBe('ok');
  });

  it('it does so on a hot standby, and makes changes once that is promoted', async () => {
    const [place] = await postgres.sql<{ data_directory: string }>('SHOW data_directory');
    await postgres.stop();
    await writeFile(join(place?.data_directory ?? '', 'standby.signal'), '');
    await postgres.start();
    expect(await postgres.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }]);
    const app = await start();
    onTestFinished(() => app.close());
    const call = calls(app);
    const url = `http://127.0.0.1:${app.server.connectPort}`;
    expect(await call(listGroups, {})).toMatchObject({ groups: [{ key: 'KYC' }, { key: 'X' }] });
    expect(await outcomeOf(call(createGroup, { group: { key: 'Y' } }))).toBe('READ_ONLY');
    expect(await readiness(url)).toBe('ready, read-only');
    await postgres.sql('SELECT pg_promote()');
    await vi.waitFor(async () => expect(await outcomeOf(call(createGroup, { group: { key: 'Y' } }))).toBe('ok'), PATIENCE);
    expect(await readiness(url)).toBe('ready');
    await vi.waitFor(async () => expect(await postgres.sql(`SELECT FROM pg_stat_activity WHERE application_name = 'docket-jobs'`)).not.toEqual([]), PATIENCE);
  }, 60_000);

  it('it does not start on a database that would have to be brought to the newest schema, and says so', async () => {
    const empty = await createEmptyDatabase();
    onTestFinished(() => empty.drop());
    await expect(start({ DATABASE_URL: empty.url, DOCKET_READ_ONLY: 'true' })).rejects.toThrow(/not at the newest schema: 0001-core is missing/);
  });
});
