import { randomBytes } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, fromJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListTicketsRequestSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { PageBinding, Position } from '../../../src/foundation/page/index.ts';
import { argumentsHash, decodePageToken, encodePageToken, PageTokenError, parseOrderBy } from '../../../src/foundation/page/index.ts';

const fields = { create_time: { sql: 't.create_time', type: 'timestamptz' }, ticket_id: { sql: 't.ticket_id', type: 'uuid' } } as const;
const order = parseOrderBy('create_time desc', fields, ['create_time'], ['ticket_id']);
const key = randomBytes(32);
const binding: PageBinding = { caller: 'anna', rpc: 'ticketing.v1.TicketService/ListTickets', argumentsHash: randomBytes(32), order };
const position: Position = ['2026-03-01 12:00:00.000001+00', '0190b3c4-0000-7000-8000-000000000001'];
const token = encodePageToken(key, binding, position);

describe('a page token', () => {
  it('leads back to the exact position, microseconds, big numbers and unset values included', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.string({ unit: 'grapheme' })), { maxLength: 4 }), (values) => {
        expect(decodePageToken(key, binding, encodePageToken(key, binding, values))).toEqual(values);
      }),
    );
    expect(decodePageToken(key, binding, token)).toEqual(position);
    expect(decodePageToken(key, binding, encodePageToken(key, binding, ['9223372036854775807', null]))).toEqual(['9223372036854775807', null]);
  });

  it.each<[string, PageBinding]>([
    ['another caller', { ...binding, caller: 'bert' }],
    ['another method', { ...binding, rpc: 'ticketing.v1.AgentService/ListAgents' }],
    ['other arguments', { ...binding, argumentsHash: randomBytes(32) }],
    ['another order', { ...binding, order: parseOrderBy('create_time', fields, ['create_time'], ['ticket_id']) }],
    ['a caller whose name runs into the method', { ...binding, caller: `anna${binding.rpc}`, rpc: '' }],
  ])('is refused for %s', (_, other) => {
    expect(() => decodePageToken(key, other, token)).toThrow(PageTokenError);
  });

  it('is refused under another key', () => {
    expect(() => decodePageToken(randomBytes(32), binding, token)).toThrow(PageTokenError);
  });

  it('is refused when any bit of it is changed, or a part is missing', () => {
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodePageToken(key, binding, changed.toString('base64url'))).toThrow(PageTokenError);
    }
    for (let length = 0; length < token.length; length++) {
      expect(() => decodePageToken(key, binding, token.slice(0, length))).toThrow(PageTokenError);
    }
  });

  it.each([
    'x',
    '!',
    'null',
    '2',
    `${token}=`,
    ` ${token}`,
    `${token}A`,
    `${token}\n`,
    'A'.repeat(9000),
    token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
  ])('is refused when it was never issued: %s', (text) => {
    expect(() => decodePageToken(key, binding, text)).toThrow(PageTokenError);
  });

  it('is refused as an invalid argument with reason PAGE_TOKEN_INVALID', () => {
    expect(() => decodePageToken(key, binding, 'x')).toThrow(
      expect.objectContaining({
        kind: 'invalid_argument',
        reason: 'PAGE_TOKEN_INVALID',
        violations: [expect.objectContaining({ field: 'page_token' })],
      }),
    );
  });

  it('is not issued under a key that is too short', () => {
    expect(() => encodePageToken(randomBytes(16), binding, position)).toThrow(/32 bytes/);
  });
});

describe('the hash of a request', () => {
  const hash = (values: MessageInitShape<typeof ListTicketsRequestSchema>) =>
    Buffer.from(argumentsHash(ListTicketsRequestSchema, create(ListTicketsRequestSchema, values))).toString('hex');

  it('is the same whatever the page and its size', () => {
    expect(hash({ filter: 'a', pageToken: 'x', pageSize: 5 })).toBe(hash({ filter: 'a', pageToken: 'y' }));
  });

  it('differs when any other argument differs', () => {
    expect(hash({ filter: 'a' })).not.toBe(hash({ filter: 'b' }));
    expect(hash({ filter: 'a' })).not.toBe(hash({ filter: 'a', orderBy: 'priority' }));
    expect(hash({ filter: 'a' })).not.toBe(hash({ orderBy: 'a' }));
    expect(hash({ filter: 'a' })).not.toBe(hash({ filter: 'a', unassigned: true }));
  });

  it('is the same whatever the order of map keys', () => {
    const struct = (json: Record<string, string>) => Buffer.from(argumentsHash(StructSchema, fromJson(StructSchema, json))).toString('hex');
    expect(struct({ a: '1', b: '2' })).toBe(struct({ b: '2', a: '1' }));
    expect(struct({ a: '1', b: '2' })).not.toBe(struct({ a: '2', b: '1' }));
  });
});
