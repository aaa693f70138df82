import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { examineConnection } from '../../src/edge/cli/doctor/connection.ts';
import { examineDatabase } from '../../src/edge/cli/doctor/database.ts';
import { diskFinding } from '../../src/edge/cli/doctor/machine.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import { type Ended, docket as runDocket } from '../support/command.ts';
import { createEmptyDatabase, createTestDatabase, moveClock, type TestDatabase } from '../support/database/index.ts';
import { openSealedLog, writeKeyFile } from '../support/sealed-log.ts';
import { startService } from '../support/service.ts';

interface Told {
  readonly check: string;
  readonly state: string;
  readonly message: string;
  readonly cure?: string;
}

describe('docket doctor', { timeout: 60_000 }, () => {
  let folder: string;
  let database: TestDatabase;
  let owner: pg.Client;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docket-doctor-'));
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.url, options: '-c search_path=docket' });
    await owner.connect();
    // What came with the template may be older than a service would let it get.
    const orm = await openOrm({ url: database.url, poolSize: 2, statementTimeoutMs: 20_000, lockTimeoutMs: 5_000, entities: [] });
    await openSealedLog({ orm, sql: sqlOf(orm.em.fork()) }).seal();
    await orm.close(true);
  });
  afterAll(async () => {
    await owner?.end();
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  });
  const ports = { DOCKET_GRPC_PORT: '0', DOCKET_CONNECT_PORT: '0', DOCKET_METRICS_PORT: '0' };
  const doctor = (env: Record<string, string>, ...args: string[]): Promise<Ended> =>
    runDocket(['doctor', ...args], { env: { DATABASE_URL: database.url, DOCKET_DATA_DIRECTORY: folder, XDG_CONFIG_HOME: folder, ...ports, ...env } });
  const told = async (env: Record<string, string>): Promise<{ code: number; wrong: Told[] }> => {
    const { code, out } = await doctor(env, '-o', 'json');
    return { code, wrong: (JSON.parse(out) as Told[]).filter(({ state }) => state !== 'ok') };
  };
  /** What the database shows after a change, which is taken back. */
  const changedBy = async (change: string, values: unknown[] = []): Promise<Told[]> => {
    await owner.query('BEGIN');
    try {
      await owner.query(change, values);
      return (await examineDatabase(owner)).filter(({ state }) => state !== 'ok');
    } finally {
      await owner.query('ROLLBACK');
    }
  };

  it('finds nothing wrong where nothing is, and says what it looked at', async () => {
    const { code, out } = await doctor({ DOCKET_AUDIT_KEY_FILE: await writeKeyFile(folder) });
    expect(out).not.toContain('→');
    for (const check of [
      'configuration',
      'database',
      'migrations',
      'audit log',
      'clock',
      'zone',
      'partitions',
      'sealing',
      'ports',
      'disk',
      'audit key',
      'tokens',
    ])
      expect(out).toMatch(new RegExp(`^ok +${check} `, 'm'));
    expect(code).toBe(0);
  });

  it('says why the database cannot be reached, without its password', async () => {
    const url = new URL(database.url);
    const cases = [
      ['password', (wrong: URL) => Object.assign(wrong, { password: 'hunter2' }), /the password of \w+ is not the right one/],
      ['database', (wrong: URL) => Object.assign(wrong, { pathname: '/nowhere' }), /there is no database nowhere/],
      ['port', (wrong: URL) => Object.assign(wrong, { port: '1' }), /nothing listens on .*:1$/],
      ['host', (wrong: URL) => Object.assign(wrong, { hostname: 'no-such-host.invalid' }), /no-such-host\.invalid/],
    ] as const;
    for (const [what, change, message] of cases) {
      const { client, findings } = await examineConnection(change(new URL(url)).href);
      expect(client, what).toBeUndefined();
      expect(findings, what).toEqual([{ check: 'database', state: 'wrong', message: expect.stringMatching(message), cure: expect.any(String) }]);
      expect(JSON.stringify(findings)).not.toContain('hunter2');
    }
  });

  it('tells an old schema, a newer one and an empty database apart', async () => {
    expect(await changedBy(`DELETE FROM migrations WHERE name = (SELECT max(name) FROM migrations)`)).toMatchObject([
      { check: 'migrations', message: expect.stringMatching(/lacks \d{4}-/) },
    ]);
    expect(await changedBy(`INSERT INTO migrations (name) VALUES ('9999-from-the-future')`)).toMatchObject([
      { check: 'migrations', state: 'wrong', message: expect.stringContaining('newer than this release: it has 9999-from-the-future') },
    ]);
    expect(await changedBy('ALTER SCHEMA docket RENAME TO elsewhere')).toMatchObject([
      { check: 'migrations', message: 'the database is empty', cure: expect.stringContaining('migrate up') },
    ]);
  });

  it('finds a log that the service can write, a strange zone, missing months and entries that wait for a seal', async () => {
    expect(await changedBy('GRANT UPDATE ON audit_entries TO docket_service')).toMatchObject([{ check: 'audit log', state: 'wrong' }]);
    expect(await changedBy(`UPDATE settings SET business_time_zone = 'Mars/Olympus'`)).toContainEqual(
      expect.objectContaining({ check: 'zone', state: 'wrong' }),
    );
    const { rows } = await owner.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass AND inhrelid::regclass::text !~ 'default$' ORDER BY 1 DESC LIMIT 12`,
    );
    expect(await changedBy(rows.map(({ name }) => `ALTER TABLE audit_entries DETACH PARTITION ${name}`).join('; '))).toContainEqual(
      expect.objectContaining({ check: 'partitions', state: 'wrong' }),
    );
  });

  it('finds clocks that are apart, and entries that nobody seals', async () => {
    const other = await createTestDatabase();
    onTestFinished(() => other.drop());
    const client = new pg.Client({ connectionString: other.url, options: '-c search_path=docket' });
    await client.connect();
    try {
      await client.query(`UPDATE settings SET business_time_zone = 'Europe/Lisbon'`);
      await moveClock(client, '5 minutes');
      const findings = await examineDatabase(client);
      expect(findings).toContainEqual(
        expect.objectContaining({ check: 'clock', state: 'wrong', message: expect.stringMatching(/^the database's clock is \d+\.\d s ahead of/) }),
      );
      expect(findings).toContainEqual(expect.objectContaining({ check: 'sealing', state: 'warning' }));
    } finally {
      await client.end();
    }
  });

  it('finds what is wrong with ports, keys and tokens, and its exit code says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await new Promise((done) => taken.once('listening', done));
    const { port } = taken.address() as { port: number };
    const key = join(folder, 'open.pem');
    await writeFile(key, 'no key');
    await writeFile(join(folder, 'administrator-token'), 'docket_x', { mode: 0o600 });
    await chmod(join(folder, 'administrator-token'), 0o644);
    onTestFinished(() => rm(join(folder, 'administrator-token')));
    const { code, wrong } = await told({ DOCKET_CONNECT_PORT: String(port), DOCKET_AUDIT_KEY_FILE: key, DOCKET_TLS_CERT_FILE: key, DOCKET_TLS_KEY_FILE: key });
    expect(code).toBe(1);
    expect(wrong.map(({ check, state }) => `${check} ${state}`)).toEqual(['ports wrong', 'audit key wrong', 'tls wrong', 'tokens wrong']);
    expect(wrong[0]?.message).toBe(`DOCKET_CONNECT_PORT ${port} is taken by another program`);
    expect(wrong[3]?.cure).toBe(`chmod 600 ${join(folder, 'administrator-token')}`);
    expect(wrong.every(({ cure }) => cure)).toBe(true);
  });

  it('makes no database where there is none, and says how to', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    const { code, wrong } = await told({ DATABASE_URL: '', DOCKET_DATA_DIRECTORY: empty });
    expect(code).toBe(1);
    expect(wrong).toContainEqual({
      check: 'database',
      state: 'wrong',
      message: `there is none in ${empty}, and DATABASE_URL is not set`,
      cure: expect.stringContaining('npm start (docket serve) makes one there'),
    });
    expect(await readdir(empty)).toEqual([]);
  });

  it('tells a service on its ports that works on another database from its own', async () => {
    const service = await startService();
    const other = await createTestDatabase();
    onTestFinished(async () => {
      await service.close();
      await other.drop();
    });
    const env = { DOCKET_CONNECT_PORT: String(service.app.server.connectPort) };
    const strange = async (url: string) => (await told({ ...env, DATABASE_URL: url })).wrong.filter(({ check }) => check === 'service');
    expect(await strange(other.url)).toMatchObject([{ state: 'wrong', message: expect.stringContaining('works on another database') }]);
    expect(await strange(service.app.database.url)).toEqual([]);
    const nowhere = await told({ ...env, DATABASE_URL: '', DOCKET_DATA_DIRECTORY: await mkdtemp(join(folder, 'empty-')) });
    expect(nowhere.wrong.map(({ check }) => check)).toEqual(['database', 'service']);
  });

  it('tells every fault of the configuration', async () => {
    const { code, wrong } = await told({ DOCKET_GRPC_PORT: 'many', DOCKET_LANES: '0' });
    expect(code).toBe(1);
    expect(wrong.map(({ message }) => message)).toEqual([expect.stringContaining('DOCKET_GRPC_PORT'), expect.stringContaining('DOCKET_LANES')]);
  });

  it('warns early of a disk that fills', () => {
    expect([3e9, 1e9, 1e8].map((bytes) => diskFinding('/data', bytes).state)).toEqual(['ok', 'warning', 'wrong']);
  });
});

describe('docket migrate', { timeout: 60_000 }, () => {
  it('shows what would run, runs it once, and lists what ran', async () => {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    const migrate = (command: string): Promise<Ended> => runDocket(['migrate', command], { env: { DATABASE_URL: database.url } });
    const plan = await migrate('plan');
    expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(/^0001-core\n0002-audit\n/) });
    expect(await migrate('status')).toMatchObject({ code: 1, out: expect.stringMatching(/0001-core +pending/) });
    const both = await Promise.all([migrate('up'), migrate('up')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.filter(({ out }) => out.startsWith('migrated 0001-core\n'))).toHaveLength(1);
    expect(await migrate('status')).toMatchObject({ code: 0, out: expect.stringMatching(/0001-core +applied +\d{4}-/) });
    expect((await migrate('plan')).out).toBe('The database is at the newest schema.\n');
  });

  it('says that no database is within reach', async () => {
    const { code, notes } = await runDocket(['migrate', 'status'], { env: { DATABASE_URL: 'postgresql://nobody:secret@127.0.0.1:1/x' } });
    expect({ code, notes }).toEqual({ code: 3, notes: expect.stringContaining('The database cannot be reached') });
    expect(notes).not.toContain('secret');
  });
});
