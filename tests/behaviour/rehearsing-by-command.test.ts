import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { simulate } from '../../src/edge/cli/simulate/command.ts';
import { type Service, startService } from '../support/service.ts';

const LATE_ARRIVAL = 'samples/simulation/late-arrival.json';
const LOG = ['--log', 'samples/incidents.csv', '--mapping', 'samples/incidents.log-mapping.json'];

let service: Service;
let folder: string;
let token: string;

beforeAll(async () => {
  service = await startService();
  folder = await mkdtemp(join(tmpdir(), 'docket-rehearsing-'));
  const admin = await service.program({ name: 'rehearser', roles: ['admin'] });
  token = admin.replace('Bearer ', '');
  const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'KYC' } }, admin);
  const groupId = group?.groupId ?? '';
  for (const agentId of ['ann', 'ben']) await service.call(AgentService.method.createAgent, { agent: { agentId, groupIds: [groupId] } }, admin);
  for (let at = 0; at < 5; at++) await service.call(TicketService.method.createTicket, { groupId, userId: BigInt(at + 1) }, admin);
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

const path = (name: string): string => join(folder, name);

/** Runs it as somebody at the terminal would; answers the exit code, the result, and what was said by the way. */
async function rehearsed(args: readonly string[], address = `127.0.0.1:${service.app.server.grpcPort}`) {
  const results: string[] = [];
  const notes: string[] = [];
  const output = { result: (text: string) => void results.push(text), note: (line: string) => void notes.push(line) };
  const code = await simulate(args, { address, token, tokenFile: path('none') }, output);
  return { code, result: results.join('\n'), notes: notes.join('\n') };
}

/** The cells of the line that begins with a name. */
function cellsOf(result: string, name: string): string[] {
  const line = result.split('\n').find((one) => one.startsWith(name));
  if (!line) throw new Error(`no line for ${name} in\n${result}`);
  return line.slice(name.length).trim().split(/ {2,}/);
}

describe('docket simulate', () => {
  it('shows who is flooded when he comes late, and under which policies he is not', async () => {
    const { code, result } = await rehearsed([LATE_ARRIVAL, '--try', 'LEAST_ASSIGNED_TODAY+catch_up_limit=0,FEWEST_OPEN']);
    expect(code).toBe(0);
    const longestRun = (name: string): number => Number(cellsOf(result, name)[2]);
    expect(longestRun('as it was')).toBeGreaterThan(20);
    expect(longestRun('LEAST_ASSIGNED_TODAY+catch_up_limit=0')).toBe(1);
    expect(longestRun('FEWEST_OPEN')).toBeLessThan(4);
  });

  it('plays a log of tickets under the usual policies, and says how much of it', async () => {
    const { code, result, notes } = await rehearsed([...LOG, '--handling', '60']);
    expect(code).toBe(0);
    expect(notes).toMatch(/^\d+ events in \d+ groups, of \d+ agents; \d+ rows passed over$/);
    for (const name of ['as it was', 'ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT', 'WEIGHTED']) expect(cellsOf(result, name)).not.toEqual([]);
  });

  it('plays the history of the service again as it was', async () => {
    const { code, result, notes } = await rehearsed(['--group', 'KYC', '--days', '1']);
    expect([code, notes]).toEqual([0, '']);
    expect(result).toContain('5 tickets');
    // However lately it began: five tickets between two agents.
    expect(cellsOf(result, 'as it was')[0]).toBe('1');
    expect(result).toContain('The unchanged policy gives every decision again as it was made.');
  });

  it('keeps what a log came down to, which says the same when it is played', async () => {
    const kept = ['--write-setup', path('setup.json'), '--write-events', path('events.csv')];
    const first = await rehearsed([...LOG, '--try', 'ROUND_ROBIN', ...kept]);
    const again = await rehearsed([path('setup.json'), '--events', path('events.csv')]);
    expect([again.code, again.result]).toEqual([0, first.result]);
  });

  it('answers in JSON when asked to', async () => {
    const { result } = await rehearsed([LATE_ARRIVAL, '--json']);
    expect(JSON.parse(result)).toMatchObject({ ticket_count: 536, baseline: { longest_run: 26 } });
  });

  it('says what is wrong, and exits with 1', async () => {
    await writeFile(path('broken.json'), '{"patern":{}}');
    const cases: readonly [readonly string[], RegExp][] = [
      [[], /say what is rehearsed/],
      [[LATE_ARRIVAL, '--group', 'KYC'], /say what is rehearsed/],
      [['--grup', 'KYC'], /--grup/],
      [['--log', 'samples/incidents.csv'], /--log and --mapping belong together/],
      [['--group', 'KYC', '--days', '0'], /--days must be a whole number from 1 to 366/],
      [['--group', 'NOBODY'], /there is no group "NOBODY"/],
      [[LATE_ARRIVAL, '--try', 'FASTEST'], /FASTEST/],
      [[path('absent.json')], /absent\.json cannot be read/],
      [[path('broken.json')], /broken\.json is no set-up: .*patern/],
      [[LATE_ARRIVAL, '--events', 'events.csv'], /brings its tickets along/],
    ];
    for (const [args, words] of cases) {
      const { code, result, notes } = await rehearsed(args);
      expect([code, result], notes).toEqual([1, '']);
      expect(notes).toMatch(words);
    }
    expect((await rehearsed([LATE_ARRIVAL], '127.0.0.1:1')).notes).toMatch(/nothing answers at 127\.0\.0\.1:1/);
  });
});
