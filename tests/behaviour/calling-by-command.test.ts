import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { routes } from '../../src/edge/rpc/routes.ts';
import { docket, type Ended, run } from '../support/command.ts';
import { type Service, startService } from '../support/service.ts';

describe('docket call', { timeout: 60_000 }, () => {
  let service: Service;
  let folder: string;
  let token: string;
  let groupId: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docket-call-'));
    service = await startService();
    token = (await service.program({ name: 'tester', roles: ['admin'] })).replace('Bearer ', '');
    const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'KYC' } }, `Bearer ${token}`);
    groupId = group?.groupId ?? '';
  });
  afterAll(async () => {
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const env = () => ({ DOCKET_TOKEN: token, DOCKET_DATA_DIRECTORY: folder });
  const address = () => `127.0.0.1:${service.app.server.grpcPort}`;
  const call = (args: readonly string[], input?: string): Promise<Ended> =>
    docket(['call', ...args, '--address', address()], { env: env(), ...(input === undefined ? {} : { input }) });

  it('lists every RPC that is served, and no other', async () => {
    const served = routes.flatMap((route) => route.service.methods.map((method) => `${method.parent.name}/${method.name}`));
    const { out } = await docket(['call'], { env: env() });
    const listed = out
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(' ')[0]);
    expect(listed.toSorted()).toEqual(served.toSorted());
  });

  it('takes a request from the argument, a file or standard input, with fields in either spelling', async () => {
    const made = await call(['TicketService/CreateTicket', JSON.stringify({ group_id: groupId, userId: 7, title: 'from the argument' })]);
    expect(made).toMatchObject({ code: 0, notes: '' });
    expect(JSON.parse(made.out)).toMatchObject({ ticket: { key: 'KYC-1', userId: '7', title: 'from the argument' } });
    const file = join(folder, 'request.json');
    await writeFile(file, JSON.stringify({ groupId, user_id: '8', title: 'from a file' }));
    expect(JSON.parse((await call(['createticket', `@${file}`])).out)).toMatchObject({ ticket: { key: 'KYC-2', title: 'from a file' } });
    const piped = await call(['ticketing.v1.TicketService.GetTicket', '-'], '{"ticket_id":"KYC-2"}');
    expect(JSON.parse(piped.out)).toMatchObject({ ticket: { title: 'from a file' } });
    expect((await call(['GetTicket', '-o', 'yaml'], '{"ticket_id":"KYC-2"}')).out).toContain('\n  title: from a file\n');
  });

  it('takes enums by their short names, by their full ones and by number', async () => {
    const found = async (request: object) => JSON.parse((await call(['ListTickets', JSON.stringify(request)])).out) as { tickets?: unknown[] };
    const all = await found({});
    expect(all.tickets?.length).toBeGreaterThan(0);
    expect(await found({ statuses: ['open', 'TICKET_STATUS_CLOSED', 2] })).toEqual(all);
    expect(await found({ statuses: ['RESOLVED'] })).toEqual({});
    const { out } = await call(['UpdateTicket', '{"ticket":{"ticket_id":"KYC-1","priority":"HIGH"}}', '--curl']);
    expect(out).toContain('"priority":"PRIORITY_HIGH"');
  });

  it('prints each message of a stream as a line', async () => {
    const { code, out } = await call(['AuditService/VerifyAuditLog']);
    expect(code).toBe(0);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(Object.keys(lines.at(-1) ?? {})).toEqual(['done']);
  });

  it.each([
    ['an RPC that does not exist', ['TicketService/GetTiket'], 'there is no RPC "TicketService/GetTiket"; TicketService/GetTicket is meant, perhaps'],
    ['a field that does not exist', ['GetTicket', '{"tiket_id":"KYC-1"}'], 'GetTicketRequest has no field tiket_id; ticket_id is meant, perhaps'],
    [
      'such a field inside',
      ['BatchCreateTickets', '{"requests":[{},{"titel":"x"}]}'],
      'CreateTicketRequest has no field requests[1].titel; title is meant, perhaps',
    ],
    ['a value of another type', ['ListTickets', '{"page_size":"many"}'], 'page_size'],
    [
      'a value that an enum does not have',
      ['ListTickets', '{"statuses":["OPEN","OPENED"]}'],
      'statuses[1] is one of OPEN, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELLED, not "OPENED"',
    ],
    ['such a value inside', ['UpdateTicket', '{"ticket":{"priority":"HUGE"}}'], 'ticket.priority is one of LOW, MEDIUM, HIGH, URGENT, not "HUGE"'],
    ['text that is no JSON', ['GetTicket', '{ticket_id:1}'], 'the request is no JSON'],
    ['JSON that is no object', ['GetTicket', '["KYC-1"]'], 'the request must be a JSON object such as {"ticket_id": …}'],
    ['a number that would lose digits', ['CreateTicket', '{"user_id":9007199254740993}'], 'write it as "9007199254740993"'],
    ['a file that does not exist', ['GetTicket', '@nowhere.json'], 'there is no file nowhere.json'],
    ['an argument too many', ['GetTicket', '{}', '{}'], 'is one argument too many'],
    ['an option that does not exist', ['GetTicket', '{}', '--adress=x'], 'there is no option --adress; --address is meant, perhaps'],
  ])('refuses %s before anything is sent', async (_what, args, told) => {
    expect(await call(args)).toMatchObject({ code: 2, out: '', notes: expect.stringContaining(told) });
  });

  it('tells what the service refuses, with every field at fault', async () => {
    const { code, notes } = await call(['CreateTicket', JSON.stringify({ groupId: 'no uuid', userId: 0 })]);
    expect(code).toBe(1);
    expect(notes).toMatch(/^The service refused: /);
    for (const field of ['group_id', 'user_id']) expect(notes).toContain(field);
    expect(await call(['GetTicket', '{"ticket_id":"KYC-99"}'])).toMatchObject({ code: 1, out: '' });
  });

  it('tells at once that nothing answers', async () => {
    const unreachable = await docket(['call', 'ListGroups', '{}', '--address', '127.0.0.1:1'], { env: env() });
    expect(unreachable).toMatchObject({ code: 3, out: '', notes: expect.stringContaining('nothing answers at 127.0.0.1:1') });
  });

  it('shows the token of the data directory to this machine only', async () => {
    await writeFile(join(folder, 'administrator-token'), `${token}\n`, { mode: 0o600 });
    const elsewhere = ['call', 'ListGroups', '{}', '--address', 'docket.example.org:50051'];
    const refused = await docket(elsewhere, { env: { DOCKET_DATA_DIRECTORY: folder } });
    expect(refused).toMatchObject({ code: 2, notes: expect.stringContaining('no token') });
    expect((await docket(['call', 'ListGroups', '{}', '--address', address()], { env: { DOCKET_DATA_DIRECTORY: folder } })).code).toBe(0);
  });

  describe('--curl', () => {
    const bin = join(import.meta.dirname, '../../node_modules/.bin');
    const pasted = (line: string, from: Record<string, string>): Promise<Ended> =>
      run('bash', ['-c', line], { env: { ...from, PATH: `${bin}${delimiter}${process.env['PATH']}` } });
    const hostile = `it's "quoted", $HOME \`id\` \\ and\nÜber\u001b[31m`;

    it('prints the equal line, which gives the same answer, and no token', async () => {
      const request = JSON.stringify({ filter: `title != ${JSON.stringify(hostile)}`, pageSize: 3 });
      const answered = await call(['ListTickets', request]);
      const shown = await call(['ListTickets', request, '--curl']);
      expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/^npx buf curl .*"authorization: Bearer \$DOCKET_TOKEN"/) });
      expect(shown.out).not.toContain(token);
      expect(shown.out.trimEnd()).not.toMatch(/\p{Cc}/u);
      const curled = await pasted(shown.out, { DOCKET_TOKEN: token });
      expect(curled).toMatchObject({ code: 0 });
      expect(JSON.parse(curled.out)).toEqual(JSON.parse(answered.out));
      expect((JSON.parse(curled.out) as { tickets: unknown[] }).tickets.length).toBeGreaterThan(0);
    });

    it('reads the token from the file where it was found', async () => {
      const own = join(folder, "it's here");
      await run('mkdir', ['-p', own]);
      await writeFile(join(own, 'administrator-token'), `${token}\n`, { mode: 0o600 });
      const shown = await docket(['call', 'GetTicket', '{"ticket_id":"KYC-1"}', '--curl', '--address', address()], { env: { DOCKET_DATA_DIRECTORY: own } });
      expect(shown.out).not.toContain(token);
      const curled = await pasted(shown.out, {});
      expect(JSON.parse(curled.out)).toMatchObject({ ticket: { key: 'KYC-1' } });
    });

    it('changes nothing by itself', async () => {
      const request = JSON.stringify({ groupId, userId: 1, title: 'never made' });
      expect((await call(['CreateTicket', request, '--curl'])).code).toBe(0);
      expect(JSON.parse((await call(['ListTickets', '{"filter":"title == \\"never made\\""}'])).out)).toEqual({});
    });
  });
});
