import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { readPublicKeys } from '../../src/domain/audit/index.ts';
import { findSignatureFault, readCheckpoint } from '../../src/domain/audit/sealing/seal.ts';
import { openSigner } from '../../src/domain/audit/sealing/signing.ts';
import { createTestDatabase } from '../support/database/index.ts';
import { startProcess } from '../support/fleet/process.ts';
import { writeKeyFile } from '../support/sealed-log.ts';
import { type Service, startService } from '../support/service.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

describe('docket audit', { timeout: 60_000 }, () => {
  let service: Service;
  let folder: string;
  let token: string;
  let keyFile: string;
  let witness: Server;
  const witnessed: string[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docket-audit-'));
    keyFile = await writeKeyFile(folder);
    witness = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        witnessed.push(`${request.method} ${request.headers['content-type']} ${body}`);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await vi.waitFor(() => expect(witness.address()).not.toBeNull());
    service = await startService({
      DOCKET_DATA_DIRECTORY: folder,
      DOCKET_AUDIT_KEY_FILE: keyFile,
      DOCKET_AUDIT_CHECKPOINT_SECONDS: '1',
      DOCKET_AUDIT_CHECKPOINT_URL: `http://127.0.0.1:${(witness.address() as AddressInfo).port}/checkpoints`,
    });
    token = await service.program({ name: 'auditor', roles: ['admin'] });
    const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'KYC' } }, token);
    for (let at = 1; at <= 5; at++)
      await service.call(TicketService.method.createTicket, { groupId: group?.groupId ?? '', userId: BigInt(at), title: `Größe ${at}` }, token);
    await vi.waitFor(async () => {
      const [left] = await service.sql('SELECT FROM audit_entries e WHERE NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id) LIMIT 1');
      if (left) throw new Error('not everything is sealed');
    }, 20_000);
  });
  afterAll(async () => {
    await service?.close();
    witness?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const docket = (...args: string[]): Promise<{ code: number; out: string; notes: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, DOCKET_DATA_DIRECTORY: folder, DOCKET_AUDIT_KEY_FILE: keyFile, DOCKET_TOKEN: token.replace('Bearer ', '') };
      execFile(process.execPath, [MAIN, 'audit', ...args], { env, timeout: 50_000 }, (error, out, notes) =>
        resolve({ code: Number(error?.code ?? 0), out, notes }),
      );
    });
  const address = () => ['--address', `127.0.0.1:${service.app.server.grpcPort}`];

  it('verifies, and tells by its exit code whether something is wrong', async () => {
    const well = await docket('verify', ...address());
    expect(well).toMatchObject({ code: 0 });
    expect(well.out).toMatch(/^\d+ entries in \d+ seals, \d+ of them signed; it agrees with \d+ checkpoints?\. Nothing is wrong\.\n$/);
    await service.sql(
      `SET session_replication_role = replica; UPDATE audit_entries SET reason = 'x' WHERE entry_id = (SELECT entry_id FROM sealed_entries WHERE sequence = 3); SET session_replication_role = origin`,
    );
    const wrong = await docket('verify', ...address());
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.out).toMatch(/^ENTRY_ALTERED seal \d+, sequence 3, entry \d+: the entry is not what was sealed\n.*1 thing is wrong\.\n$/);
    await service.sql(
      `SET session_replication_role = replica; UPDATE audit_entries SET reason = '' WHERE entry_id = (SELECT entry_id FROM sealed_entries WHERE sequence = 3); SET session_replication_role = origin`,
    );
  });

  it('proves an entry to whoever has three files', async () => {
    const exported = await docket('export', ...address());
    expect(exported.code).toBe(0);
    const line = exported.out.split('\n').find((each) => each.includes('Größe 3')) ?? '';
    const { entry_id: entryId, sequence } = JSON.parse(line) as { entry_id: number; sequence: number };
    const proof = await docket('prove', String(entryId), ...address());
    const key = await docket('public-key');
    const files = { entry: join(folder, 'entry.json'), proof: join(folder, 'proof.json'), key: join(folder, 'docket.pem') };
    await Promise.all([writeFile(files.entry, line), writeFile(files.proof, proof.out), writeFile(files.key, key.out)]);
    const given = Object.entries(files).flatMap(([name, file]) => [`--${name}`, file]);
    expect(await docket('verify-proof', ...given)).toMatchObject({ code: 0, out: 'The entry is what was sealed.\n' });
    await writeFile(files.entry, line.replace('Größe 3', 'Größe 4'));
    expect(await docket('verify-proof', ...given)).toMatchObject({ code: 1, out: 'The proof does not hold: the entry is not what was sealed.\n' });
    for (const [file, content, says] of [
      [files.entry, '', `${files.entry} is empty; it must hold a line of docket audit export.\n`],
      [files.entry, line.slice(1), `${files.entry} is no JSON; it must hold a line of docket audit export.\n`],
      [files.proof, ' \n', `${files.proof} is empty; it must hold the proof that docket audit prove prints.\n`],
      [files.proof, 'no proof', `${files.proof} is no JSON; it must hold the proof that docket audit prove prints.\n`],
      [files.proof, '{"what":1}', `${files.proof} is not the proof that docket audit prove prints: `],
      [files.key, '', `${files.key} holds no public key in PEM; docket audit public-key prints it.\n`],
    ] as const) {
      const before = await readFile(file);
      await writeFile(file, content);
      expect(await docket('verify-proof', ...given)).toEqual({ code: 1, out: '', notes: expect.stringContaining(says) });
      await writeFile(file, before);
    }
    await rm(files.key);
    expect(await docket('verify-proof', ...given)).toEqual({ code: 2, out: '', notes: `there is no file ${files.key}.\n` });
    const rest = await docket('export', '--after', String(sequence), ...address());
    expect(`${exported.out.slice(0, exported.out.indexOf(line) + line.length + 1)}${rest.out}`.startsWith(exported.out)).toBe(true);
  });

  it('says what it cannot do', async () => {
    expect(await docket('verify', '--address', '127.0.0.1:1')).toMatchObject({ code: 3, notes: expect.stringContaining('nothing answers at 127.0.0.1:1') });
    expect(await docket('prove', '123456789', ...address())).toMatchObject({ code: 1, notes: expect.stringContaining('no audit entry has the id 123456789') });
  });

  it('has checkpoints in the file and at the address, all signed', async () => {
    await vi.waitFor(() => expect(witnessed.length).toBeGreaterThan(0), 10_000);
    const lines = (await readFile(join(folder, 'audit-checkpoints.ndjson'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => `POST application/json ${line}`)).toEqual(expect.arrayContaining(witnessed.slice(0, lines.length)));
    const keys = readPublicKeys(openSigner(await readFile(keyFile, 'utf8')).publicKey);
    for (const line of lines) expect(findSignatureFault(readCheckpoint(line), keys)).toBeUndefined();
  });
});

describe('the service', { timeout: 60_000 }, () => {
  it('puts the last seal on record when it is told to stop, and goes on after half a line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'docket-stop-'));
    const database = await createTestDatabase();
    onTestFinished(async () => {
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    });
    const file = join(folder, 'audit-checkpoints.ndjson');
    const settings = { DOCKET_DATA_DIRECTORY: folder, DOCKET_AUDIT_KEY_FILE: await writeKeyFile(folder), DOCKET_AUDIT_CHECKPOINT_SECONDS: '3600' };
    const first = await startProcess(database.url, settings);
    first.channel.close();
    first.signal('SIGTERM');
    expect(await first.ended).toBe(0);
    const [line = ''] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(readCheckpoint(line).header.seal).toBeGreaterThan(0);
    await writeFile(file, `${line}\n{"header":{"for`);
    const second = await startProcess(database.url, settings);
    second.channel.close();
    second.signal('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(second.faults).toEqual([]);
    expect((await readFile(file, 'utf8')).split('\n')[0]).toBe(line);
  });

  it('does not start with a key that it cannot use, and says which setting names it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'docket-key-'));
    const database = await createTestDatabase();
    onTestFinished(async () => {
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    });
    const file = join(folder, 'key.pem');
    await writeFile(file, 'no key');
    const settings = { DOCKET_DATA_DIRECTORY: folder, DOCKET_AUDIT_KEY_FILE: file };
    await expect(startProcess(database.url, settings)).rejects.toThrow(/DOCKET_AUDIT_KEY_FILE: .*key\.pem cannot be used/);
    await expect(startProcess(database.url, { ...settings, DOCKET_AUDIT_KEY_FILE: join(folder, 'none.pem') })).rejects.toThrow(/DOCKET_AUDIT_KEY_FILE/);
    expect((await stat(file)).size).toBe(6);
  });
});
