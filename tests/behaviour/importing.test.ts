import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { importFile } from '../../src/edge/cli/import/command.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;
let folder: string;
let token: string;

beforeAll(async () => {
  service = await startService();
  folder = await mkdtemp(join(tmpdir(), 'docket-importing-'));
  token = (await service.program({ name: 'importer', roles: ['admin'] })).replace('Bearer ', '');
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

let count = 0;
/** A name that no other test uses, for a file, its groups and its source. */
let own: string;
beforeEach(() => {
  count += 1;
  own = `t${count}`;
});

const path = (name: string): string => join(folder, name);

const quiet = { begin: () => undefined, update: () => undefined, end: () => undefined };

/** Writes the file and imports it as somebody at the terminal would; answers the exit code and what was printed. */
async function imported(content: string | Buffer, args: readonly string[] = [], name = `${own}.csv`) {
  await writeFile(path(name), content);
  const printed: string[] = [];
  const reachable = { address: `127.0.0.1:${service.app.server.grpcPort}`, token, tokenFile: path('none') };
  const code = await importFile([path(name), ...args], reachable, (line) => printed.push(line), quiet);
  return { code, text: printed.join('\n') };
}

interface Row {
  readonly key: string;
  readonly user_id: string;
  readonly priority: number;
  readonly agent_id: string | null;
  readonly title: string;
  readonly labels: string[];
  readonly attributes: Record<string, string>;
  readonly external_references: { system: string; id: string }[];
}
const tickets = (source = own): Promise<Row[]> =>
  service.sql<Row & { number: string }>(
    `SELECT key, user_id::text, priority, agent_id, title, labels, attributes, external_references FROM tickets
     WHERE external_references->0->>'system' = $1 ORDER BY length(key), key`,
    [source],
  );

/** How many changes the audit log has seen. */
const changes = async (): Promise<number> =>
  Number((await service.sql<{ count: string }>(`SELECT count(*) FROM audit_entries WHERE operation <> 'REFUSE'`))[0]?.count);

/** A plain sheet with the group of this test. */
const sheet = (...rows: string[]): string => ['User ID,Group,Priority', ...rows.map((row) => row.replace('G,', `${own}kyc,`)), ''].join('\n');

const withGroups = ['--create-groups'];

describe('a plain sheet', () => {
  it('becomes a ticket a row, in its order, in the group that it names', async () => {
    const { code, text } = await imported(sheet('7,G,high', '8,G,', '9,G,URGENT'), withGroups);
    expect(text).toContain('3 tickets created');
    expect(code).toBe(0);
    expect(await tickets()).toMatchObject([
      { key: `${own.toUpperCase()}KYC-1`, user_id: '7', priority: 3 },
      { key: `${own.toUpperCase()}KYC-2`, user_id: '8', priority: 2 },
      { key: `${own.toUpperCase()}KYC-3`, user_id: '9', priority: 4 },
    ]);
  });

  it('may use semicolons, quotation marks, blank lines, a byte order mark and other columns, which are kept as attributes', async () => {
    const text = `\ufeffGroup;"User ID";Opened at;Note\r\n\r\n${own};7;29/2/2016 01:16;"two\r\nlines"\r\n;;;\r\n${own};8;;5" screen\r\n`;
    expect(await imported(text, withGroups)).toMatchObject({ code: 0 });
    expect(await tickets()).toMatchObject([{ attributes: { 'Opened at': '29/2/2016 01:16', Note: 'two\r\nlines' } }, { attributes: { Note: '5" screen' } }]);
  });

  it('may be gzipped, whatever it is called, or written in another encoding', async () => {
    expect(await imported(gzipSync(sheet('7,G,')), withGroups, `${own}.csv`)).toMatchObject({ code: 0 });
    expect(await tickets()).toHaveLength(1);
    const latin = Buffer.from(`user;group;title\n7;${own}kyc;Größe\n`, 'latin1');
    const refused = await imported(latin, [], `${own}-latin.csv`);
    expect(refused).toMatchObject({ code: 1, text: expect.stringContaining('is not utf-8 text') });
    expect(await imported(latin, ['--encoding', 'windows-1252'], `${own}-latin.csv`)).toMatchObject({ code: 0 });
    expect(await tickets(`${own}-latin`)).toMatchObject([{ title: 'Größe' }]);
  });

  it('gives the ticket to the agent that a column names, and lets the engine choose where it names none', async () => {
    const rows = `user_id,team,agent_id\n1,${own},Ann Lee\n2,${own},bob@example.org\n3,${own}b,ann lee\n4,${own},\n`;
    expect((await imported(rows, ['--dry-run', '--create-groups', '--create-agents'])).text).toContain('4 tickets would be created');
    const { text } = await imported(rows, ['--create-groups', '--create-agents']);
    expect(text).toContain('2 agents made');
    expect((await tickets()).map((ticket) => ticket.agent_id)).toEqual(['ann-lee', 'bob@example.org', 'bob@example.org', 'ann-lee']);
  });

  it('needs options where its headings say nothing', async () => {
    const rows = `who,where,how\n7,${own},1\n`;
    expect(await imported(rows)).toMatchObject({ code: 2, text: expect.stringContaining('which column is the user id?') });
    const nowhere = ['--user-id', 'who', '--group', 'nowhere'];
    expect(await imported(rows, nowhere)).toMatchObject({ code: 2, text: expect.stringContaining('the file has no column "nowhere"') });
    expect(await imported(rows, ['--encoding', 'morse'])).toMatchObject({ code: 2, text: expect.stringContaining('is no encoding that is known') });
    expect(await imported(rows, ['--mapping', path('none.json')])).toMatchObject({ code: 2, text: expect.stringContaining('cannot be read') });
    expect(await imported(rows, ['--user-id', 'who', '--group', 'where', '--key', 'how', '--source', `${own} desk`, ...withGroups])).toMatchObject({ code: 0 });
    expect(await tickets(`${own} desk`)).toMatchObject([{ external_references: [{ system: `${own} desk`, id: '1/1' }], attributes: { how: '1' } }]);
  });
});

describe('a dry run', () => {
  it('checks every row and writes nothing, neither tickets nor groups nor a report', async () => {
    await imported(sheet('1,G,'), withGroups, `${own}-before.csv`);
    const before = await service.checksums();
    const rows = `User ID,Group,Priority\n7,${own}kyc,high\nx,${own}kyc,\n8,${own}new,\n9,${own}kyc,9\n`;
    const { code, text } = await imported(rows, ['--dry-run', ...withGroups]);
    expect(text).toContain('1 group would be made');
    expect(text).toContain('2 tickets would be created');
    expect(text).toContain('line 3, user_id: must be a whole number above 0 ("x")');
    expect(text).toContain('line 5, priority: must be LOW, MEDIUM, HIGH or URGENT');
    expect(code).toBe(1);
    expect(await service.checksums()).toEqual(before);
    await expect(readFile(path(`${own}.csv.errors.csv`))).rejects.toThrow('ENOENT');
  });

  it('is what a misspelt --dry-run does not become: nothing is done at all', async () => {
    expect(await imported(sheet('7,G,'), ['--dryrun', ...withGroups])).toMatchObject({ code: 2, text: expect.stringContaining('--dryrun') });
    expect(await tickets()).toEqual([]);
  });
});

describe('rows that fail', () => {
  it('are reported by line, with field and reason, while the others come in, in their order', async () => {
    const long = 'x'.repeat(201);
    const rows = `user_id,group,title\n7,${own},one\n-1,${own},two\n8,${own},"three\nlines"\n9,${own},${long}\n10,${own},four,extra\n11,${own},five\n12,,six\n13,${own},"se\nven",extra\n`;
    const { code, text } = await imported(rows, withGroups);
    expect(code).toBe(1);
    expect(text).toContain('5 rows failed');
    expect((await tickets()).map((ticket) => ticket.title)).toEqual(['one', 'three\nlines', 'five']);
    const report = (await readFile(path(`${own}.csv.errors.csv`), 'utf8')).trim().split('\n');
    expect(report.map((line) => line.split(',').slice(0, 2).join(','))).toEqual(['line,field', '3,user_id', '6,title', '7,', '9,group', '10,']);
    expect(report[3]).toContain('has 4 values where the heading has 3');
  });

  it('that only the service can find are found one by one', async () => {
    await imported(sheet('1,G,'), withGroups, `${own}-first.csv`);
    const agents = `user_id,group,agent_id\n7,${own}kyc,\n8,${own}kyc,nobody\n9,${own}kyc,${own}-ann\n10,${own}kyc,\n`;
    await imported(`user_id,group,agent_id\n1,${own}other,${own}-ann\n`, ['--create-groups', '--create-agents'], `${own}-second.csv`);
    const { code, text } = await imported(agents);
    expect(code).toBe(1);
    expect(text).toContain('line 3, agent_id: there is no such agent; --create-agents makes him');
    expect(await readFile(path(`${own}.csv.errors.csv`), 'utf8')).toContain('AGENT_NOT_IN_GROUP');
    expect((await tickets()).map((ticket) => ticket.user_id)).toEqual(['7', '10']);
  });

  it('can be corrected and imported again: the others are there already, and the report goes away', async () => {
    await imported(sheet('7,G,', 'x,G,'), withGroups);
    const again = await imported(sheet('7,G,', '8,G,'));
    expect(again.text).toContain('1 ticket created');
    expect(again.text).toContain('1 there already');
    expect(again.code).toBe(0);
    expect((await tickets()).map((ticket) => ticket.user_id)).toEqual(['7', '8']);
    await expect(readFile(path(`${own}.csv.errors.csv`))).rejects.toThrow('ENOENT');
  });

  it('are never reported over a file that is something else', async () => {
    await writeFile(path(`${own}.csv.errors.csv`), 'my notes');
    expect(await imported(sheet('x,G,'), withGroups)).toMatchObject({ code: 1, text: expect.stringContaining('is no error report') });
    expect(await readFile(path(`${own}.csv.errors.csv`), 'utf8')).toBe('my notes');
  });

  it('for a quotation mark that is never closed end the import before it begins', async () => {
    const { code, text } = await imported(`user_id,group\n7,${own}\n8,"${own}\n9,${own}\n`, withGroups);
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining('after line 2: a quotation mark is opened there and never closed') });
    expect(await tickets()).toEqual([]);
  });
});

describe('an import that is repeated', () => {
  it('changes nothing, not even the audit log; two rows alike stay two tickets', async () => {
    const rows = sheet('7,G,high', '7,G,high', '8,G,');
    await imported(rows, withGroups);
    expect((await tickets()).map((ticket) => ticket.user_id)).toEqual(['7', '7', '8']);
    const before = await service.checksums();
    expect((await imported(rows, ['--dry-run'])).text).toContain('3 there already');
    const { code, text } = await imported(rows, withGroups);
    expect(text).toContain('0 tickets created');
    expect(text).toContain('3 there already');
    expect(code).toBe(0);
    expect(await service.checksums()).toEqual(before);
  });

  it('changes nothing either when the requests are long forgotten and rows were added on top', async () => {
    await imported(sheet('7,G,', '8,G,'), withGroups);
    await service.sql('DELETE FROM requests');
    const before = await changes();
    expect((await imported(sheet('7,G,', '8,G,'))).text).toContain('2 there already');
    expect(await changes()).toBe(before);
    const { text } = await imported(sheet('6,G,', '7,G,', '8,G,'));
    expect(text).toContain('1 ticket created');
    expect((await tickets()).map((ticket) => ticket.user_id)).toEqual(['7', '8', '6']);
  });

  it('knows a row by its key although the rest of it has changed', async () => {
    const rows = (title: string) => `number,user_id,group,title\nA-1,7,${own},${title}\n`;
    await imported(rows('before'), withGroups);
    expect((await imported(rows('after'))).text).toContain('1 there already');
    expect(await tickets()).toMatchObject([{ title: 'before', external_references: [{ id: 'A-1/1' }] }]);
  });

  it('under another source is another import, of which users who wait already can be left out', async () => {
    await imported(sheet('7,G,'), withGroups);
    const { text } = await imported(sheet('7,G,', '8,G,', '8,G,'), ['--source', `${own}-tuesday`, '--unique-per-user']);
    expect(text).toContain('1 ticket created');
    expect((await tickets(`${own}-tuesday`)).map((ticket) => ticket.user_id)).toEqual(['8']);
  });
});

describe('a mapping', () => {
  const mapping = (source: string) => ({
    source,
    key: 'number',
    fold: true,
    unknown: ['?'],
    user_id: { column: 'caller', match: '^Caller (\\d+)$' },
    group: { column: 'group', match: '^Group (\\d+)$', value: `${source.toUpperCase()}X$1`, default: `${source} desk` },
    member: { column: 'assigned', match: '^Resolver (\\d+)$', value: `${source}-resolver-$1` },
    priority: { column: 'priority', values: { '1 - Critical': 'URGENT', '3 - Moderate': 'MEDIUM' } },
    labels: 'labels',
    attributes: { state: 'state', closed_at: 'closed' },
  });
  const log = `number,caller,group,assigned,priority,state,closed,labels
INC1,Caller 5,?,?,1 - Critical,New,?,"red, blue"
INC2,Caller 6,?,Resolver 3,3 - Moderate,New,?,
INC1,Caller 5,Group 56,Resolver 1,3 - Moderate,Active,?,
INC1,Caller 5,Group 70,Resolver 2,3 - Moderate,Closed,5/3/2016 12:00,
INC3,Robot 1,Group 70,?,9 - None,New,?,
`;

  it('folds events of one key into one ticket: what was known first, the last state as attributes, groups and people made', async () => {
    await writeFile(path(`${own}.json`), JSON.stringify(mapping(own)));
    const { code, text } = await imported(log, ['--mapping', path(`${own}.json`), '--create-groups', '--create-agents']);
    expect(text).toContain('line 6, user_id: does not match ^Caller (\\d+)$ ("Robot 1")');
    expect(text).toContain('line 6, priority: is none of the values that the mapping names ("9 - None")');
    expect(code).toBe(1);
    const upper = own.toUpperCase();
    expect(await tickets()).toMatchObject([
      {
        key: `${upper}X56-1`,
        user_id: '5',
        priority: 4,
        agent_id: `${own}-resolver-1`,
        labels: ['red', 'blue'],
        attributes: { state: 'Closed', closed_at: '5/3/2016 12:00' },
      },
      { key: `${upper}DESK-1`, user_id: '6', priority: 2, agent_id: `${own}-resolver-3`, attributes: { state: 'New' } },
    ]);
    expect(await service.sql('SELECT key, name FROM groups WHERE key LIKE $1 ORDER BY key', [`${upper}%`])).toEqual([
      { key: `${upper}DESK`, name: `${own} desk` },
      { key: `${upper}X56`, name: 'Group 56' },
      { key: `${upper}X70`, name: 'Group 70' },
    ]);
    expect(await service.sql('SELECT agent_id, display_name FROM agents WHERE agent_id LIKE $1 ORDER BY 1', [`${own}-%`])).toEqual([
      { agent_id: `${own}-resolver-1`, display_name: 'Resolver 1' },
      { agent_id: `${own}-resolver-2`, display_name: 'Resolver 2' },
      { agent_id: `${own}-resolver-3`, display_name: 'Resolver 3' },
    ]);
  });

  it('with faults is refused with all of them', async () => {
    await writeFile(path(`${own}.json`), JSON.stringify({ user_id: { match: '(' }, group: 7, colour: 'red' }));
    const { text } = await imported(log, ['--mapping', path(`${own}.json`)]);
    for (const fault of ['user_id', 'group', 'colour']) expect(text).toContain(fault);
  });
});

describe('the service', () => {
  it('that is not there, or does not know the token, is told at once', async () => {
    expect((await imported(sheet('7,G,'), ['--address', '127.0.0.1:1'])).text).toContain('nothing answers at 127.0.0.1:1');
    expect((await imported(sheet('7,G,'), ['--token', 'wrong'])).text).toContain('The service refused: the token');
  });

  it('that is asked for by a caller who may not make groups says so, and nothing is imported', async () => {
    const program = (await service.program({ name: 'intake', roles: ['service'] })).replace('Bearer ', '');
    const { code, text } = await imported(sheet('7,G,'), ['--token', program, ...withGroups]);
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining('The service refused: this call is open to admin only') });
    await imported(sheet('1,G,'), withGroups, `${own}-groups.csv`);
    expect(await imported(sheet('7,G,'), ['--token', program])).toMatchObject({ code: 0 });
  });
});
