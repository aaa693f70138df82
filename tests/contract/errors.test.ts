import { describe, expect, it } from 'vitest';
import { Code } from '../../gen/google/rpc/code_pb.ts';
import { readContract } from './contract.ts';

const contract = readContract();
const values = contract.enums.find((each) => each.name === 'ErrorReason')?.values.slice(1) ?? [];
const reasons = new Map(values.map((each) => [each.name.replace('ERROR_REASON_', ''), contract.commentOf(each)]));
const ofAnyRpc = [...reasons].filter(([, comment]) => /^[A-Z_]+, any RPC/.test(comment)).map(([reason]) => reason);
const named = new Map(contract.methods.map((method) => [method.name, /Fails with: (.+)\.$/.exec(contract.commentOf(method))?.[1]?.split(', ') ?? []]));

describe('an error reason', () => {
  it.each([...reasons])('%s says its status, what it means and what to do', (_, comment) => {
    const [, status, meaning] = /^([A-Z_]+)(?:, any RPC[^.]*)?\. (.+)$/.exec(comment) ?? [];
    expect(Object.keys(Code)).toContain(status);
    expect(meaning?.match(/[.;:] |\.$/g)?.length, comment).toBeGreaterThanOrEqual(2);
  });

  it('is short enough for google.rpc.ErrorInfo', () => {
    for (const reason of reasons.keys()) expect(reason).toMatch(/^[A-Z][A-Z0-9_]{0,61}[A-Z0-9]$/);
  });

  it('is named by an RPC, or can befall any', () => {
    const byRpcs = new Set([...named.values()].flat());
    expect([...reasons.keys()].filter((reason) => !byRpcs.has(reason) && !ofAnyRpc.includes(reason))).toEqual([]);
  });
});

describe('an RPC', () => {
  it.each([...named])('%s names reasons that exist, none twice, and not those of any RPC', (_, failures) => {
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter((reason) => !reasons.has(reason) || ofAnyRpc.includes(reason))).toEqual([]);
    expect(new Set(failures).size).toBe(failures.length);
  });

  it('names what its arguments can bring about', () => {
    const brings: Record<string, string[]> = {
      page_token: ['PAGE_TOKEN_INVALID'],
      filter: ['FILTER_INVALID'],
      order_by: ['ORDER_BY_INVALID'],
      update_mask: ['UPDATE_MASK_INVALID', 'NOTHING_TO_UPDATE'],
      attributes: ['ATTRIBUTES_TOO_LARGE'],
      etag: ['ETAG_MISMATCH'],
      ticket_id: ['TICKET_NOT_FOUND'],
      ticket_ids: ['TICKET_NOT_FOUND'],
    };
    for (const { name, input } of contract.methods) {
      const missing = input.fields.flatMap((each) => brings[each.name] ?? []).filter((reason) => !named.get(name)?.includes(reason));
      expect(missing, name).toEqual([]);
    }
  });
});
