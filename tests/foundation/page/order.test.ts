import { describe, expect, it } from 'vitest';
import type { SortFields } from '../../../src/foundation/page/index.ts';
import { OrderByError, orderBySql, orderText, parseOrderBy, positionSql } from '../../../src/foundation/page/index.ts';

const fields: SortFields = {
  priority: { sql: 't.priority', type: 'bigint' },
  create_time: { sql: 't.create_time', type: 'timestamptz' },
  key: { sql: 't.key', type: 'text' },
  ticket_id: { sql: 't.ticket_id', type: 'uuid' },
};
const sortable = ['priority', 'create_time', 'key'];
const parsed = (source: string) => parseOrderBy(source, fields, sortable, ['create_time', 'ticket_id']);

describe('order_by', () => {
  it.each([
    ['', 'create_time, ticket_id'],
    ['priority', 'priority, create_time, ticket_id'],
    ['priority desc', 'priority desc, create_time desc, ticket_id desc'],
    [' priority   desc ,create_time asc', 'priority desc, create_time, ticket_id'],
    ['create_time desc', 'create_time desc, ticket_id desc'],
    ['key, priority desc', 'key, priority desc, create_time desc, ticket_id desc'],
  ])('%j sorts by %j, always down to the unique tie breaker', (source, text) => {
    expect(orderText(parsed(source))).toBe(text);
  });

  it('ends at the unique key when the caller names it himself', () => {
    expect(orderText(parseOrderBy('key desc, priority', fields, sortable, ['key']))).toBe('key desc');
  });

  it('becomes ORDER BY and the columns of a position', () => {
    const order = parsed('key desc');
    expect(orderBySql(order)).toBe('t.key COLLATE "C" DESC, t.create_time DESC, t.ticket_id DESC');
    expect(positionSql(order)).toBe('(t.key)::text AS sort_0, (t.create_time)::text AS sort_1, (t.ticket_id)::text AS sort_2');
  });

  it.each([
    ['title', /"title" cannot be sorted by; the fields are priority, create_time, key/],
    ['ticket_id', /cannot be sorted by/],
    ['constructor', /cannot be sorted by/],
    ['priority down', /after "priority" stands "desc" or nothing/],
    ['priority desc desc', /after "priority"/],
    ['priority DESC', /after "priority"/],
    ['priority, priority desc', /named twice/],
    ['priority,', /a field is missing/],
    [',', /a field is missing/],
    ['priority; DROP TABLE t', /cannot be sorted by/],
  ])('%j is refused with the reason', (source, message) => {
    expect(() => parsed(source)).toThrow(OrderByError);
    expect(() => parsed(source)).toThrow(message);
  });

  it('is refused as an invalid argument with reason ORDER_BY_INVALID', () => {
    expect(() => parsed('title')).toThrow(
      expect.objectContaining({
        kind: 'invalid_argument',
        reason: 'ORDER_BY_INVALID',
        violations: [expect.objectContaining({ field: 'order_by' })],
      }),
    );
  });
});
