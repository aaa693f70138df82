import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditFindingKind } from '../../../gen/ticketing/v1/audit_proof_pb.ts';
import { AuditService, type VerifyAuditLogRequestSchema, type VerifyAuditLogResponse } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { readGrpc } from '../../support/edge/clients.ts';
import { writeKeyFile } from '../../support/sealed-log.ts';
import { outcomeOf, type Service, startService } from '../../support/service.ts';

describe('VerifyAuditLog', () => {
  let service: Service;
  let folder: string;
  let admin: string;
  let auditor: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docket-verify-'));
    service = await startService({
      DOCKET_DATA_DIRECTORY: folder,
      DOCKET_AUDIT_KEY_FILE: await writeKeyFile(folder),
      DOCKET_AUDIT_CHECKPOINT_SECONDS: '1',
    });
    admin = await service.person('root', ['admin']);
    auditor = await service.person('eve', ['auditor']);
    const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'KYC' } }, admin);
    for (let at = 0; at < 10; at++) await service.call(TicketService.method.createTicket, { groupId: group?.groupId ?? '', userId: BigInt(at + 1) }, admin);
    await untilSealed();
  });
  afterAll(async () => {
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const untilSealed = () =>
    vi.waitFor(async () => {
      const [left] = await service.sql('SELECT FROM audit_entries e WHERE NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id) LIMIT 1');
      if (left) throw new Error('not everything is sealed');
    }, 15_000);
  const checkpoints = async () => (await readFile(join(folder, 'audit-checkpoints.ndjson'), 'utf8')).split('\n').filter((line) => line !== '');
  const verify = (request: MessageInitShape<typeof VerifyAuditLogRequestSchema> = {}, token = auditor): Promise<VerifyAuditLogResponse[]> =>
    readGrpc(service.channel, AuditService.method.verifyAuditLog, request, { token, deadlineMs: 20_000 });
  const findingsIn = (told: readonly VerifyAuditLogResponse[]) => told.flatMap(({ event }) => (event.case === 'finding' ? [event.value] : []));
  const owned = async (...statements: string[]) => {
    for (const statement of statements) await service.sql(`SET session_replication_role = replica; ${statement}; SET session_replication_role = origin`);
  };

  it('goes through the whole log and ends with what it covered', async () => {
    await vi.waitFor(async () => expect((await checkpoints()).length).toBeGreaterThan(0), 10_000);
    const told = await verify();
    expect(findingsIn(told)).toEqual([]);
    const done = told.at(-1)?.event;
    if (done?.case !== 'done') throw new Error('the last message is not the end');
    const [counted] = await service.sql<{ entries: string; seals: string }>(
      'SELECT (SELECT count(*) FROM audit_entries) AS entries, (SELECT count(*) FROM audit_seals) AS seals',
    );
    expect(done.value).toMatchObject({
      entries: BigInt(counted?.entries ?? 0),
      seals: BigInt(counted?.seals ?? 0),
      unsealedEntries: 0n,
      erasedEntries: 0n,
      droppedEntries: 0n,
    });
    expect(done.value.signatures).toBe(done.value.seals);
    expect(done.value.checkpoints).toBeGreaterThan(0n);
    expect(told.slice(0, -1).every(({ event }) => event.case === 'progress')).toBe(true);
  });

  it('tells what was changed, where, and again nothing once it is put right', async () => {
    const [{ id } = { id: '' }] = await service.sql<{ id: string }>('SELECT entry_id AS id FROM sealed_entries WHERE sequence = 4');
    await owned(`UPDATE audit_entries SET actor = actor || '!' WHERE entry_id = ${id}`);
    expect(findingsIn(await verify())).toMatchObject([
      { kind: AuditFindingKind.ENTRY_ALTERED, sequence: 4n, entryId: id, description: 'the entry is not what was sealed' },
    ]);
    expect(findingsIn(await verify({ startSequence: 4n, endSequence: 4n }))).toHaveLength(1);
    await owned(`UPDATE audit_entries SET actor = rtrim(actor, '!') WHERE entry_id = ${id}`);
    expect(findingsIn(await verify())).toEqual([]);
  });

  it('holds the log against checkpoints that the caller kept', async () => {
    const [line = ''] = await checkpoints();
    expect(findingsIn(await verify({ checkpoints: [line] }))).toEqual([]);
    const another = JSON.parse(line) as { header: { merkle_root: string } };
    another.header.merkle_root = '0'.repeat(64);
    expect(findingsIn(await verify({ checkpoints: [JSON.stringify(another)] }))).toEqual([]);
    const forged = { ...another, hash: '1'.repeat(64) };
    expect(findingsIn(await verify({ checkpoints: [JSON.stringify(forged)] }))).toMatchObject([{ kind: AuditFindingKind.CHECKPOINT_INVALID }]);
  });

  it('INVALID_ARGUMENT: a checkpoint that is none, a range upside down', async () => {
    expect(await outcomeOf(verify({ checkpoints: ['{}'] }))).toBe('CHECKPOINT_MALFORMED');
    expect(await outcomeOf(verify({ checkpoints: ['no json'] }))).toBe('CHECKPOINT_MALFORMED');
    expect(await outcomeOf(verify({ startSequence: 5n, endSequence: 4n }))).toBe('INVALID_FIELD');
    expect(await outcomeOf(verify({ startSequence: -1n }))).toBe('INVALID_FIELD');
  });

  it('PERMISSION_DENIED: for others than admins and auditors', async () => {
    expect(await outcomeOf(verify({}, await service.person('sue', ['supervisor'])))).toBe('PERMISSION_DENIED');
  });
});
