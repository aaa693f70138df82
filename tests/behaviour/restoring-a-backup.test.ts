import { execFileSync } from 'node:child_process';
import { readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { callGrpc } from '../support/edge/clients.ts';
import { type ServingProcess, startProcess } from '../support/fleet/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const PATIENCE = { timeout: 30_000, interval: 100 };

let folder: string;
let settings: Record<string, string>;
let service: ServingProcess | undefined;

beforeEach(() => {
  // Left to the service to make: PostgreSQL's user must be able to reach it.
  folder = join(tmpdir(), `docket-backup-${process.pid}`);
  settings = { DATABASE_URL: '', DOCKET_DATA_DIRECTORY: folder, DOCKET_DATABASE_POOL_SIZE: '4', DOCKET_AUDIT_CHECKPOINT_SECONDS: '1' };
});
afterEach(async () => {
  await stop();
  await rm(await realpath(join(folder, 'cluster')).catch(() => folder), { recursive: true, force: true });
  for (const each of [folder, `${folder}-copy`]) await rm(each, { recursive: true, force: true });
});

async function start(): Promise<ServingProcess> {
  service = await startProcess('', settings);
  return service;
}

async function stop(): Promise<void> {
  service?.channel.close();
  service?.signal('SIGTERM');
  await service?.ended;
  service = undefined;
}

const token = async (): Promise<string> => `Bearer ${(await readFile(join(folder, 'administrator-token'), 'utf8')).trim()}`;
const createGroup = async (key: string): Promise<unknown> =>
  callGrpc((service as ServingProcess).channel, GroupService.method.createGroup, { group: { key } }, { token: await token() });
const groups = async (): Promise<string[]> =>
  (await callGrpc((service as ServingProcess).channel, GroupService.method.listGroups, {}, { token: await token() })).groups.map(({ key }) => key).sort();

/** Runs a command on the running service; answers its exit code and what it printed. */
function docket(args: readonly string[]): { code: number; text: string } {
  const address = (service as ServingProcess).url.replace('http://', '');
  const withAddress = args[0] === 'audit' ? [...args, '--address', address] : args;
  try {
    return { code: 0, text: execFileSync(process.execPath, [MAIN, ...withAddress], { env: { ...process.env, ...settings }, stdio: 'pipe' }).toString() };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: Buffer; stderr: Buffer };
    return { code: status, text: `${stdout}${stderr}` };
  }
}

it('a copy of the data directory brings back the state that it was made of, and says that the log was set back', async () => {
  await start();
  await createGroup('BEFORE');
  await stop();
  execFileSync('cp', ['-aL', folder, `${folder}-copy`]);

  await start();
  await createGroup('LATER');
  expect(await groups()).toEqual(['BEFORE', 'LATER']);
  await stop();

  const cluster = await realpath(join(folder, 'cluster'));
  await rm(cluster, { recursive: true });
  execFileSync('cp', ['-a', join(`${folder}-copy`, 'cluster'), cluster]);
  const restored = await start();
  expect(await groups()).toEqual(['BEFORE']);
  await createGroup('AFTER');
  await vi.waitFor(() => expect(restored.faults.join('\n')).toContain('the audit log begins a new epoch'), PATIENCE);
  await vi.waitFor(() => {
    const verified = docket(['audit', 'verify']);
    expect(verified.code).toBe(1);
    // That, and nothing else, is wrong with it.
    expect(verified.text.match(/^[A-Z]+_[A-Z_]+ .*/gm)).toEqual([expect.stringMatching(/^LOG_SET_BACK /)]);
  }, PATIENCE);
  expect(docket(['check-invariants'])).toMatchObject({ code: 0, text: expect.stringContaining('All invariants hold') });
  expect(await groups()).toEqual(['AFTER', 'BEFORE']);
}, 120_000);
