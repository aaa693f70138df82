import { hash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InclusionProof, InclusionProofSchema } from '../../../gen/ticketing/v1/audit_proof_pb.ts';
import { AuditExportFormat } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { findProofFault, type PublicKeys, readPublicKeys } from '../../../src/domain/audit/index.ts';
import { failureOf, insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';
import { newSigner, openSealedLog, type SealedLog } from '../../support/sealed-log.ts';

describe('GetInclusionProof', () => {
  let reading: Reading;
  let log: SealedLog;
  let keys: PublicKeys;
  let lines: Map<string, string>;
  beforeAll(async () => {
    reading = await startReading();
    log = openSealedLog(reading);
    keys = readPublicKeys(log.signer.publicKey);
    const kyc = await insertGroup(reading, 'KYC');
    await insertAgent(reading, 'ada', [kyc]);
    await insertTickets(
      reading,
      Array.from({ length: 1500 }, (_, at) => ({
        key: `KYC-${at}`,
        groupId: kyc,
        title: `"Ticket" ${at} – größer\n`,
        ...(at === 0 && {
          attributes: { n: 1.5, deep: [{ title: 'x', 'a"b': '\\' }] },
          description: 'd'.repeat(10_000),
          labels: ['x y'],
        }),
      })),
    );
    await reading.sql(`UPDATE tickets SET attributes = '{"big": 12345678901234567}' WHERE key = 'KYC-3'`);
    await reading.sql(`UPDATE tickets SET title = 'Changed', status = 2 WHERE key IN ('KYC-0', 'KYC-7')`);
    await log.seal();
    lines = await exported();
  });
  afterAll(() => reading.close());

  async function exported(): Promise<Map<string, string>> {
    let text = '';
    for await (const { chunk } of reading.as('auditor').audit.exportAuditLog({ format: AuditExportFormat.NDJSON })) text += Buffer.from(chunk).toString();
    return new Map(
      text
        .trimEnd()
        .split('\n')
        .map((line) => [String((JSON.parse(line) as { entry_id: number }).entry_id), line]),
    );
  }
  const proofOf = async (entryId: string): Promise<InclusionProof> => {
    const { inclusionProof } = await reading.as('auditor').audit.getInclusionProof({ entryId });
    if (!inclusionProof) throw new Error('there is no proof in the answer');
    return inclusionProof;
  };
  const faultOf = (line: string, proof: InclusionProof, known = keys) =>
    findProofFault(line, { ...proof, sequence: String(proof.sequence), salts: hexOf(proof.salts), path: proof.path.map(hexOf) }, known);
  const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

  it('proves every entry, in less than 2 KB, to somebody who has the key and the exported line alone', async () => {
    expect(lines.size).toBeGreaterThan(1500);
    let at = 0;
    for (const [entryId, line] of lines) {
      if (at++ % 40 !== 0 && at < lines.size - 3) continue;
      const proof = await proofOf(entryId);
      expect(toBinary(InclusionProofSchema, proof).length).toBeLessThan(2_000);
      expect(faultOf(line, proof), line).toBeUndefined();
    }
  });

  it('proves it whichever way the line was written anew', async () => {
    const [entryId, line] = [...lines].find(([, each]) => each.includes('"big"')) as [string, string];
    const entry = JSON.parse(line.replace('12345678901234567', '"12345678901234567"')) as Record<string, unknown>;
    const turned = JSON.stringify(Object.fromEntries(Object.entries(entry).reverse()), null, 2).replace('"12345678901234567"', '12345678901234567');
    expect(faultOf(turned, await proofOf(entryId))).toBeUndefined();
  });

  it('proves nothing else: not another entry, a changed one, another place, or by another key', async () => {
    const [first, second] = [...lines].slice(20, 22) as [[string, string], [string, string]];
    const proof = await proofOf(first[0]);
    expect(faultOf(second[1], proof)).toMatch(/another sequence/);
    expect(faultOf(second[1].replace(/"sequence": \d+/, `"sequence": ${proof.sequence}`), proof)).toBe('the entry is not what was sealed');
    for (const changed of ['"actor": "', '"title": "', '"status": ', '"time": "2', '"operation": "', '"reason": "', '"version": ']) {
      expect(first[1]).toContain(changed);
      expect(faultOf(first[1].replace(changed, `${changed}${changed.endsWith('"') ? 'x' : '1'}`), proof), changed).toMatch(
        changed === '"reason": "' ? /more or fewer salts/ : /^the entry is not what was sealed$/,
      );
    }
    expect(faultOf(first[1], { ...proof, path: proof.path.slice(1) })).toBe('the entry is not what was sealed');
    expect(faultOf(first[1], proof, readPublicKeys(newSigner().publicKey))).toMatch(/which is not among those that are known/);
    const resigned = JSON.parse(proof.seal) as { header: object; signature: string };
    expect(faultOf(first[1], { ...proof, seal: JSON.stringify({ ...resigned, header: { ...resigned.header, seal: 9 } }) })).toBe(
      'the seal is not what its hash was made of',
    );
  });

  it('proves nothing by digests that stand in for what is there, by more or fewer salts, or with more than an entry has', async () => {
    const [entryId, line] = [...lines].find(([, each]) => /"title": "Changed".*"KYC-7"|"KYC-7".*"title": "Changed"/.test(each)) as [string, string];
    const proof = await proofOf(entryId);
    const forged = line.replace('"title": "Changed"', '"title": "Forged"');
    // In order of names: after.title, after.user_id, before.title.
    const salts = hexOf(proof.salts);
    expect(salts).toHaveLength(3 * 32);
    const digests = { 'after.title': hash('sha256', `${salts.slice(0, 32)}"Changed"`, 'hex') };
    expect(faultOf(forged, { ...proof, digests })).toMatch(/gives a digest for one/);
    expect(faultOf(line, { ...proof, digests })).toMatch(/gives a digest for one/);
    expect(faultOf(line, { ...proof, digests: { 'after.title=1\nreason': digests['after.title'] } })).toMatch(/gives a digest for one/);
    expect(faultOf(line, { ...proof, salts: proof.salts.slice(16) })).toMatch(/more or fewer salts/);
    expect(faultOf(line, { ...proof, salts: Buffer.concat([proof.salts, proof.salts.slice(16)]) })).toMatch(/more or fewer salts/);
    const exchanged = Buffer.concat([proof.salts.slice(16, 32), proof.salts.slice(0, 16), proof.salts.slice(32)]);
    expect(faultOf(line, { ...proof, salts: exchanged })).toBe('the entry is not what was sealed');
    const withheld = line.replace('"title": "Changed", ', '');
    expect(faultOf(withheld, { ...proof, salts: proof.salts.slice(16), digests })).toBeUndefined();
    expect(faultOf(line.replace('{"sequence"', '{"more": 1, "sequence"'), proof)).toBe('no entry has a member "more"');
    expect(faultOf('null', proof)).toBe('the entry is no object of JSON');
  });

  it('proves an entry from which values were erased, and what is left of it', async () => {
    const [{ id, ticket } = { id: '', ticket: '' }] = await reading.sql<{ id: string; ticket: string }>(
      `SELECT entry_id AS id, entity_id AS ticket FROM audit_entries WHERE operation = 'UPDATE' AND after ->> 'key' = 'KYC-7'`,
    );
    await reading.sql(`SELECT erase_entries('ticket', $1, '{title}')`, [ticket]);
    const line = (await exported()).get(id) ?? '';
    expect(line).not.toContain('"title":');
    const proof = await proofOf(id);
    expect(proof.salts).toHaveLength(16);
    expect(Object.keys(proof.digests).sort()).toEqual(['after.title', 'before.title']);
    expect(toBinary(InclusionProofSchema, proof).length).toBeLessThan(2_000);
    expect(faultOf(line, proof)).toBeUndefined();
    expect(faultOf(line.replace('"user_id": 7', '"user_id": 8'), proof)).toBe('the entry is not what was sealed');
  });

  it('FAILED_PRECONDITION: the entry is not sealed yet', async () => {
    await reading.sql(`UPDATE groups SET name = 'Later'`);
    const [{ id } = { id: '' }] = await reading.sql<{ id: string }>('SELECT max(entry_id) AS id FROM audit_entries');
    expect(await failureOf(proofOf(id))).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'AUDIT_ENTRY_NOT_SEALED' });
  });

  it('NOT_FOUND: no such entry', async () => {
    expect(await failureOf(proofOf('999999999999999999'))).toMatchObject({ status: 'NOT_FOUND', reason: 'AUDIT_ENTRY_NOT_FOUND' });
  });

  it('INVALID_ARGUMENT: an id that is none', async () => {
    expect(await failureOf(proofOf('x'))).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
  });
});
