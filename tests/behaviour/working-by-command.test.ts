import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { type Ended, MAIN, run, docket as runDocket } from '../support/command.ts';
import { type Service, startService } from '../support/service.ts';

const ESCAPE = '\u001b[31mred\u009b2J\u202Egnp.exe\u007f\n---\n- x: "y"';

describe('docket', { timeout: 180_000 }, () => {
  let service: Service;
  let folder: string;
  let token: string;
  const env = () => ({
    DOCKET_TOKEN: token,
    DOCKET_DATA_DIRECTORY: folder,
    DOCKET_ADDRESS: `127.0.0.1:${service.app.server.grpcPort}`,
    XDG_CONFIG_HOME: folder,
  });
  const docket = (...args: string[]): Promise<Ended> => runDocket(args, { env: env() });
  const json = async (...args: string[]): Promise<unknown> => JSON.parse((await docket(...args, '-o', 'json')).out);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docket-work-'));
    service = await startService();
    token = (await service.program({ name: 'lead', roles: ['admin'] })).replace('Bearer ', '');
    await docket('groups', 'create', 'KYC', '--name', 'Know your customer', '--zone', 'Europe/Lisbon');
    await docket('agents', 'create', 'ada', '--groups', 'kyc', '--skills', 'german=3', '--name', 'Ada');
    for (const user of ['1', '2', '3']) await docket('tickets', 'create', '--group', 'KYC', '--user', user, '--title', `Ticket ${user}`);
  });
  afterAll(async () => {
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('shows tickets as a table without colours, newest first, a page as long as asked for', async () => {
    const { code, out, notes } = await docket('tickets', 'list', '--limit', '2');
    expect(code).toBe(0);
    const [heading, ...rows] = out.trimEnd().split('\n');
    expect(heading).toMatch(/^KEY +STATUS +PRIORITY +AGENT +USER +CREATED +TITLE$/);
    expect(rows.map((row) => row.split(/ {2,}/)[0])).toEqual(['KYC-3', 'KYC-2']);
    expect(rows.map((row) => row.indexOf('ada'))).toEqual([heading?.indexOf('AGENT'), heading?.indexOf('AGENT')]);
    expect(notes).toBe('The first 2; there are more: --limit 0 shows all.\n');
  });

  it('gives lists to programs as one array, as a line each, or as YAML, all with the same tickets', async () => {
    const array = (await json('tickets', 'list', '--limit', '0')) as { key: string }[];
    expect(array.map(({ key }) => key)).toEqual(['KYC-3', 'KYC-2', 'KYC-1']);
    const lines = (await docket('tickets', 'list', '-o', 'ndjson')).out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(array);
    expect(parse((await docket('tickets', 'list', '-o', 'yaml')).out)).toEqual(array);
    expect(await json('tickets', 'list', '--user', '99')).toEqual([]);
    expect(parse((await docket('tickets', 'list', '--user', '99', '-o', 'yaml')).out)).toEqual([]);
  });

  it('finds tickets by flags and by conditions', async () => {
    const keys = async (...args: string[]) => ((await json('tickets', 'list', ...args)) as { key: string }[]).map(({ key }) => key);
    expect(await keys('--group', 'KYC', '--agent', 'ada', '--status', 'open,in-progress', '--user', '2')).toEqual(['KYC-2']);
    expect(await keys('--filter', 'user_id > 2')).toEqual(['KYC-3']);
    expect(await keys('--unassigned')).toEqual([]);
    expect(await docket('tickets', 'list', '--agent', 'aida', '-o', 'json')).toEqual({
      code: 0,
      out: '[]\n',
      notes: expect.stringMatching(/^There is no agent aida, .*\n$/),
    });
    expect(await docket('tickets', 'list', '--agent', 'ada', '--user', '99', '-o', 'json')).toEqual({ code: 0, out: '[]\n', notes: '' });
    expect(await docket('tickets', 'list', '--group', 'NONE')).toMatchObject({ code: 1, notes: expect.stringContaining('no group has the key "NONE"') });
    expect(await docket('tickets', 'list', '--status', 'opened')).toMatchObject({ code: 2, notes: expect.stringContaining('--status is some of OPEN') });
    expect(await docket('tickets', 'list', '--filter', 'stauts == OPEN')).toMatchObject({ code: 1, notes: expect.stringContaining('stauts') });
    expect(await docket('tickets', 'list', '--status', 'open', '--status', 'closed')).toMatchObject({ code: 2, notes: expect.stringContaining('given twice') });
  });

  it('never lets a terminal obey what somebody wrote into a ticket', async () => {
    const title = ESCAPE.replaceAll('\n', ' ');
    const made = (await json('tickets', 'create', '--group', 'KYC', '--user', '66', '--title', title, '--description', ESCAPE)) as { key: string };
    for (const format of ['table', 'json', 'yaml', 'ndjson']) {
      const { out } = await docket('tickets', 'list', '--user', '66', '-o', format);
      expect(out.replaceAll('\n', ''), format).not.toMatch(/[\p{Cc}\u202e]/u);
      expect(out, format).toMatch(/\\u001b|\\e/);
    }
    expect(await json('tickets', 'show', made.key)).toMatchObject({ title, description: ESCAPE });
    expect(parse((await docket('tickets', 'show', made.key, '-o', 'yaml')).out)).toMatchObject({ title, description: ESCAPE });
    expect((await docket('tickets', 'show', made.key)).out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  it('explains, changes and clears', async () => {
    expect((await docket('tickets', 'explain', 'KYC-1')).out).toMatch(/^KYC-1 was given to ada when it was created\.[\s\S]*\nRANK +AGENT/);
    expect(await json('tickets', 'update', 'KYC-1', '--status', 'on-hold', '--labels', 'vip,late', '--reason', 'asked for papers')).toMatchObject({
      status: 'TICKET_STATUS_ON_HOLD',
      labels: ['vip', 'late'],
      title: 'Ticket 1',
    });
    expect(await json('tickets', 'update', 'KYC-1', '--labels', '')).not.toHaveProperty('labels');
    const [entry] = await service.sql(`SELECT reason FROM audit_entries WHERE reason = 'asked for papers'`);
    expect(entry).toBeDefined();
    expect(await docket('tickets', 'update', 'KYC-1')).toMatchObject({ code: 2, notes: expect.stringContaining('say what to change') });
  });

  it('makes a change once under a request id, and none with --validate-only', async () => {
    const create = ['tickets', 'create', '--group', 'KYC', '--user', '70', '--request-id', '018f5e7a-0000-7000-8000-000000000001'];
    expect(await json(...create)).toEqual(await json(...create));
    expect(await docket('tickets', 'create', '--group', 'KYC', '--user', '71', '--validate-only')).toMatchObject({
      code: 0,
      notes: 'Only checked: nothing was changed.\n',
    });
    expect(await json('tickets', 'list', '--user', '71')).toEqual([]);
    expect(await json('tickets', 'list', '--user', '70')).toHaveLength(1);
  });

  it('shows the plan of a reassignment, and deals out only when somebody says yes', async () => {
    await docket('agents', 'create', 'grace', '--groups', 'KYC');
    const held = async () => ((await json('tickets', 'list', '--agent', 'grace')) as unknown[]).length;
    const plan = await docket('tickets', 'reassign', '--tickets', 'KYC-2,KYC-3', '--to', 'grace', '--plan');
    expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(/grace +2\n[\s\S]*KYC-2 +ada +grace/), notes: 'Only planned: nothing was changed.\n' });
    expect(await docket('tickets', 'reassign', '--from', 'ada')).toMatchObject({ code: 2, notes: expect.stringContaining('--yes does it') });
    expect(await held()).toBe(0);
    const [, token] = /--apply (\S+) /.exec(plan.out) ?? [];
    expect(await docket('tickets', 'reassign', '--tickets', 'KYC-2', '--to', 'grace', '--yes')).toMatchObject({ code: 0 });
    expect(await docket('tickets', 'reassign', '--apply', `${token}`)).toMatchObject({ code: 1, notes: expect.stringContaining('KYC-2') });
    expect(await held()).toBe(1);
    const [, newer] = /--apply (\S+) /.exec((await docket('tickets', 'reassign', '--tickets', 'KYC-3', '--to', 'grace', '--plan')).out) ?? [];
    expect(await docket('tickets', 'reassign', '--apply', `${newer}`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/grace +1\n[\s\S]*KYC-3 +ada +grace\n\nDone: 1 moved, 0 could not be and stay\.\n$/),
    });
    expect(await held()).toBe(2);
    expect(plan.out).not.toContain('Done');
    const nobody = await docket('tickets', 'reassign', '--tickets', 'KYC-3', '--to', 'grace', '--yes');
    expect(nobody.out).toMatch(/\nDone: 0 moved, 1 could not be and stays\.\n$/);
    expect(await docket('tickets', 'reassign', '--yes')).toMatchObject({ code: 2, notes: expect.stringContaining('say which tickets') });
  });

  it('sends agents away, takes them back, and keeps groups', async () => {
    expect((await docket('agents', 'away', 'grace')).out).toMatch(/\n\nHe keeps his pending tickets \(2\); --deal-out gives them to others\.\n$/);
    expect((await docket('agents', 'away', 'grace', '--deal-out')).out).toMatch(
      /\n\nOf his pending tickets 2 went to others, 0 wait: nobody could take them\.\n$/,
    );
    expect(await json('agents', 'away', 'grace', '--deal-out')).toMatchObject({ agent: { availability: 'AVAILABILITY_AWAY' } });
    expect(await json('tickets', 'list', '--agent', 'grace')).toEqual([]);
    expect((await docket('agents', 'list', '--group', 'KYC')).out).toMatch(/grace +AWAY +1 +0 /);
    expect(await json('agents', 'back', 'grace')).toMatchObject({ agent: { availability: 'AVAILABILITY_AVAILABLE' } });
    expect(await json('agents', 'workload', 'ada')).toMatchObject({ agentId: 'ada' });
    expect(await json('agents', 'show', 'ada')).toMatchObject({ skills: { german: 3 }, displayName: 'Ada' });
    expect(await docket('agents', 'away', 'ada', '--until', '2026-11-30 09:00')).toMatchObject({
      code: 2,
      notes: expect.stringContaining('a time with its zone'),
    });
    await docket('groups', 'create', 'RISK');
    expect(await json('groups', 'add', 'RISK', 'ada', 'grace')).toMatchObject({ addedAgentIds: ['ada', 'grace'] });
    expect(((await json('groups', 'members', 'risk')) as { agentId: string }[]).map(({ agentId }) => agentId)).toEqual(['ada', 'grace']);
    expect(await json('groups', 'remove', 'RISK', 'grace')).toMatchObject({ removedAgentIds: ['grace'] });
    expect((await docket('groups', 'list')).out).toMatch(/^KEY .*\nKYC +ACTIVE +LEAST_ASSIGNED_TODAY +Europe\/Lisbon/);
    expect(await json('groups', 'delete', 'RISK')).toHaveProperty('deleteTime');
    expect(await json('groups', 'undelete', 'RISK')).not.toHaveProperty('deleteTime');
  });

  it('changes the fields of a group that are named, its policy by single fields, and clears what is empty', async () => {
    await docket('groups', 'create', 'LOANS', '--name', 'Loans', '--strategy', 'round-robin', '--max-open', '5');
    expect(await json('groups', 'show', 'LOANS')).toMatchObject({ assignmentPolicy: { strategy: 'ASSIGNMENT_STRATEGY_ROUND_ROBIN', maxOpenPerAgent: 5 } });
    const options = ['--skills', 'german=2', '--relax', '90m', '--to-previous', 'no', '--supervisors', 'sue,tom', '--active', 'no'];
    const changed = (await json('groups', 'update', 'loans', ...options, '--reason', 'summer')) as Record<string, unknown>;
    expect(changed).toMatchObject({ name: 'Loans', active: false, supervisorIds: ['sue', 'tom'] });
    expect(changed['assignmentPolicy']).toMatchObject({
      strategy: 'ASSIGNMENT_STRATEGY_ROUND_ROBIN',
      maxOpenPerAgent: 5,
      requiredSkills: { german: 2 },
      skillRelaxation: '5400s',
      preferPreviousAgent: false,
    });
    expect(await service.sql(`SELECT entity_type FROM audit_entries WHERE reason = 'summer'`)).toEqual([{ entity_type: 'group' }]);
    const cleared = (await json('groups', 'update', 'LOANS', '--max-open', '', '--skills', '', '--relax', '', '--supervisors', '')) as Record<string, unknown>;
    expect(cleared).not.toHaveProperty('supervisorIds');
    for (const field of ['maxOpenPerAgent', 'requiredSkills', 'skillRelaxation']) expect(cleared['assignmentPolicy']).not.toHaveProperty(field);
    const weighted = ['groups', 'update', 'LOANS', '--name', 'Credit', '--strategy', 'weighted', '--catch-up', '3', '--zone', 'Europe/Rome'];
    expect((await docket(...weighted, '--curl')).out).toMatch(
      /-d '\{"group":\{.*"name":"Credit",.*\},"updateMask":"name,timeZone,assignmentPolicy\.strategy,assignmentPolicy\.catchUpLimit"\}' .*GroupService\/UpdateGroup\n$/,
    );
    expect(await docket(...weighted, '--validate-only')).toMatchObject({ code: 0, notes: 'Only checked: nothing was changed.\n' });
    expect(await json('groups', 'show', 'LOANS')).toMatchObject({ name: 'Loans', timeZone: 'UTC' });
    expect(await json(...weighted)).toMatchObject({ name: 'Credit', timeZone: 'Europe/Rome', assignmentPolicy: { catchUpLimit: 3 } });
    expect(await docket('groups', 'update', 'LOANS')).toMatchObject({ code: 2, notes: expect.stringContaining('say what to change: --name, ') });
    expect(await docket('groups', 'update', 'LOANS', '--relax', 'long')).toMatchObject({
      code: 2,
      notes: expect.stringContaining('--relax must look like 90m'),
    });
  });

  it('prints the buf curl line of a command, too', async () => {
    const { out } = await docket('tickets', 'list', '--status', 'open', '--limit', '7', '--curl');
    expect(out).toMatch(/^npx buf curl .* -d '\{"statuses":\["TICKET_STATUS_OPEN"\],"pageSize":7\}' .*TicketService\/ListTickets\n$/);
    expect(out).not.toContain(token);
  });

  it('ends in silence when its reader leaves', async () => {
    const line = `set -o pipefail; '${process.execPath}' '${MAIN}' tickets list -o ndjson --limit 0 | head -1`;
    // More than a pipe holds.
    const [group] = (await json('groups', 'list', '--filter', 'key == "KYC"')) as { groupId: string }[];
    const requests = Array.from({ length: 20 }, (_, at) => ({ groupId: group?.groupId ?? '', userId: BigInt(500 + at), description: 'x'.repeat(9_000) }));
    await service.call(TicketService.method.batchCreateTickets, { requests }, `Bearer ${token}`);
    const { code, out, notes } = await run('bash', ['-c', line], { env: env() });
    expect({ code, notes }).toEqual({ code: 0, notes: '' });
    expect(JSON.parse(out)).toHaveProperty('key');
  });

  it('is stopped by Ctrl-C with the exit code 130, and says what is not known', async () => {
    // Something that takes calls and never answers.
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = await new Promise<{ port: number }>((done) => server.once('listening', () => done(server.address() as { port: number })));
    const ended = await runDocket(['tickets', 'list', '--address', `127.0.0.1:${port}`], {
      env: env(),
      onStart: (child) => server.once('connection', () => child.kill('SIGINT')),
    });
    expect(ended).toMatchObject({ code: 130, out: '' });
    expect(ended.notes).toContain('Ctrl-C');
  });

  it('writes nothing but the result to standard output, whatever there is to warn of', async () => {
    const { out, notes } = await runDocket(['groups', 'list', '-o', 'json'], { env: { ...env(), DOCKET_MISSPELT: '1' } });
    expect(JSON.parse(out)).toBeInstanceOf(Array);
    expect(notes).toContain('DOCKET_MISSPELT is not a setting of Docket');
  });

  it('runs from any folder by bin/docket', async () => {
    const bin = join(import.meta.dirname, '../../bin/docket');
    const out = await new Promise<string>((done, fail) => execFile(bin, ['--version'], { cwd: tmpdir() }, (error, text) => (error ? fail(error) : done(text))));
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
