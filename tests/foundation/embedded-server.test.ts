import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EmbeddedServer, type EmbeddedServerOptions, startEmbeddedServer } from '../../src/foundation/database/embedded/index.ts';
import { isAlive, run } from '../../src/foundation/database/embedded/process.ts';

let folder: string;
const opened: EmbeddedServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), `docket-test-${process.pid}-`));
  await chmod(folder, 0o755);
});
afterEach(() => closeAll());
afterAll(() => rm(folder, { recursive: true, force: true }));

async function open(dataDirectory: string, more: Partial<EmbeddedServerOptions> = {}): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ dataDirectory, fastForTests: true, ...more });
  opened.push(server);
  return server;
}

async function closeAll(): Promise<void> {
  for (const server of opened.splice(0)) await server.close();
}

async function ask<Row = Record<string, string>>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client
    .query(text)
    .then((result) => result.rows as Row[])
    .finally(() => client.end());
}

async function processOf(dataDirectory: string): Promise<number> {
  return Number((await readFile(join(dataDirectory, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** The user and the process group of a process; from /proc where there is one, because small systems have no ps. */
async function factsOf(pid: number): Promise<{ user: number; group: number }> {
  if (process.platform === 'linux') {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8');
    return { user: (await stat(`/proc/${pid}`)).uid, group: Number(state.slice(state.lastIndexOf(')') + 2).split(' ')[2]) };
  }
  const [user, group] = (await run(undefined, 'ps', ['-o', 'uid=,pgid=', '-p', String(pid)])).output.split(/\s+/);
  return { user: Number(user), group: Number(group) };
}

/** Another process that opens the same directory; `line` waits for what it prints. */
function openElsewhere(dataDirectory: string) {
  const program = join(import.meta.dirname, '../support/database/embedded-owner.ts');
  const child = spawn(process.execPath, [program, dataDirectory], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const exited = once(child, 'exit');
  return {
    line: (start: string) => vi.waitFor(() => lines.find((line) => line.startsWith(start)) ?? Promise.reject(new Error(`no "${start}" yet`)), 20_000),
    end: async () => {
      child.stdin.end();
      await exited;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('an embedded server', () => {
  let home: string;
  let server: EmbeddedServer;
  beforeAll(async () => {
    home = join(folder, 'a folder with spaces', 'data');
    server = await startEmbeddedServer({ dataDirectory: home });
  });
  afterAll(() => server.close());

  it('listens on loopback alone and keeps what is committed', async () => {
    const [settings] = await ask(
      server.url,
      `SELECT current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
              current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commits`,
    );
    expect(settings).toEqual({ addresses: '127.0.0.1', sockets: '', fsync: 'on', commits: 'on' });
  });

  it('stores UTF-8 and sorts by locale C', async () => {
    const [row] = await ask(
      server.url,
      `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS sorting, datctype AS letters FROM pg_database WHERE datname = current_database()`,
    );
    expect(row).toEqual({ encoding: 'UTF8', sorting: 'C', letters: 'C' });
  });

  it('lets nobody in without the password', async () => {
    const wrong = new URL(server.url);
    wrong.password = 'guess';
    await expect(ask(wrong.href, 'SELECT')).rejects.toMatchObject({ code: '28P01' });
    expect(await ask(server.url, `SELECT left(rolpassword, 13) AS kind FROM pg_authid WHERE rolname = current_user`)).toEqual([{ kind: 'SCRAM-SHA-256' }]);
  });

  it('keeps the password in a file for its owner only', async () => {
    const file = join(home, 'password');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, 'utf8')).trim()).toBe(new URL(server.url).password);
    expect(new URL(server.url).password.length).toBeGreaterThanOrEqual(43);
  });

  it('never runs as root', async () => {
    const { user } = await factsOf(await processOf(home));
    expect(user).not.toBe(0);
    expect((await stat(join(home, 'cluster'))).uid).toBe(user);
  });

  it('leaves Ctrl-C to the service, being in a process group of its own', async () => {
    const pid = await processOf(home);
    expect((await factsOf(pid)).group).toBe(pid);
    expect((await factsOf(process.pid)).group).not.toBe(pid);
  });

  it('leaves nothing of a new database but the database', async () => {
    expect((await readdir(home)).sort()).toEqual(['cluster', 'password', 'postgres.log']);
  });
});

describe('starting an embedded server again', () => {
  let home: string;
  beforeAll(async () => {
    home = join(folder, 'again');
    const server = await open(home);
    await ask(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await closeAll();
  });

  const kept = (url: string) => ask<{ answer: number }>(url, 'SELECT answer FROM kept');

  it('finds the data where it was', async () => {
    expect(await kept((await open(home)).url)).toEqual([{ answer: 42 }]);
  });

  it('stops it so that nothing is left running', async () => {
    const { url } = await open(home);
    const pid = await processOf(home);
    await closeAll();
    await expect(ask(url, 'SELECT')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(stat(join(home, 'cluster', 'postmaster.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  it('adopts the server that a killed process left, and stops it in the end', async () => {
    const elsewhere = openElsewhere(home);
    await elsewhere.line('url ');
    const pid = await processOf(home);
    await elsewhere.kill();
    const { url } = await open(home);
    expect(await processOf(home)).toBe(pid);
    expect(await kept(url)).toEqual([{ answer: 42 }]);
    await closeAll();
    await expect(ask(url, 'SELECT')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('starts although another program has the number of the server that crashed', async () => {
    const cluster = await realpath(join(home, 'cluster'));
    const { uid, gid } = await stat(cluster);
    // Of PostgreSQL's own user, because no other process counts for it.
    const other = spawn('/bin/sh', ['-c', 'read wait'], { cwd: '/', stdio: ['pipe', 'ignore', 'ignore'], uid, gid });
    await writeFile(join(cluster, 'postmaster.pid'), [other.pid, cluster, 0, 1, '', '127.0.0.1', '', 'ready', ''].join('\n'));
    expect(await kept((await open(home)).url)).toEqual([{ answer: 42 }]);
    other.stdin.end();
  });

  it('brings a server back, on its port, that was killed under it', async () => {
    const { url } = await open(home);
    const before = await processOf(home);
    process.kill(before, 'SIGKILL');
    await vi.waitFor(async () => expect(await kept(url)).toEqual([{ answer: 42 }]), 20_000);
    expect(await processOf(home)).not.toBe(before);
  });

  it.each(['at once', 'as soon as it answers'])('closes while a killed server is being brought back: %s', async (when) => {
    const { url } = await open(home);
    process.kill(await processOf(home), 'SIGKILL');
    if (when !== 'at once') await vi.waitFor(() => ask(url, 'SELECT'), { timeout: 20_000, interval: 1 });
    await closeAll();
    await expect(ask(url, 'SELECT')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says in PostgreSQL’s words why it does not start', async () => {
    await expect(open(home, { settings: { shared_buffers: 'plenty' } })).rejects.toThrow(/invalid value for parameter "shared_buffers"/);
  });
});

describe('a second start on the same directory', () => {
  it('joins the server of the first, and the last to close stops it', async () => {
    const home = join(folder, 'shared');
    const [first, second] = await Promise.all([open(home), open(home)]);
    expect(second.url).toBe(first.url);
    const pid = await processOf(home);
    await first.close();
    expect(await ask(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await processOf(home)).toBe(pid);
    await second.close();
    await expect(ask(second.url, 'SELECT')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('joins from another process too', async () => {
    const home = join(folder, 'shared');
    const elsewhere = openElsewhere(home);
    const here = await open(home);
    expect(await elsewhere.line('url ')).toBe(`url ${here.url}`);
    await elsewhere.end();
    expect(await ask(here.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a new embedded server', () => {
  it('is made whole after a start that was killed half way', async () => {
    const home = join(folder, 'interrupted');
    const elsewhere = openElsewhere(home);
    await elsewhere.line('Making a new database');
    await elsewhere.kill();
    expect(await readdir(home)).not.toContain('cluster');
    expect(await ask((await open(home)).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await readdir(home)).filter((name) => name.startsWith('new-'))).toEqual([]);
  });

  it('works in a folder that only its owner may enter', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const home = join(closed, 'data');
    const server = await open(home, { ephemeral: true });
    expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const real = await realpath(join(home, 'cluster'));
    await closeAll();
    await expect(lstat(real)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(lstat(home)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses to pass over data that has gone missing', async () => {
    const home = join(folder, 'missing');
    await mkdir(join(home, 'cluster'), { recursive: true });
    await expect(open(home)).rejects.toThrow(/does not hold a database/);
  });

  it('refuses a server whose password file was changed', async () => {
    const home = join(folder, 'shared');
    await open(home);
    const password = await readFile(join(home, 'password'), 'utf8');
    await writeFile(join(home, 'password'), 'another');
    await expect(open(home)).rejects.toThrow(/password file/);
    await writeFile(join(home, 'password'), password);
  });
});
