import { describe, expect, it } from 'vitest';
import { DomainError } from '../../../src/foundation/errors.ts';
import { compileFilter, FilterError, MAX_FILTER_LENGTH, MAX_LIST_ITEMS } from '../../../src/foundation/filter/index.ts';
import { now, schema } from './sample-rows.ts';

function faultOf(filter: string): FilterError {
  try {
    compileFilter(filter, schema, { now });
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`accepted: ${filter}`);
}

// The arrow stands before the first character of the fault.
const faults: readonly (readonly [string, RegExp])[] = [
  // Names
  ['active && ▸colour == "red"', /unknown name colour; the fields are name, nick/],
  ['▸constructor == "x"', /unknown name/],
  ['▸__proto__ == "x"', /unknown name/],
  ['status == ▸constructor', /never constructor; it is one of OPEN, ON_HOLD, CLOSED/],
  ['priority >= ▸OPEN', /priority is never OPEN; it is one of LOW, MEDIUM, HIGH/],
  ['name == ▸OPEN', /OPEN is a constant of status/],
  ['▸LOW', /constant/],
  // Types
  ['priority > ▸"x"', /never x/],
  ['priority == ▸3', /whole number/],
  ['▸status > OPEN', /has no order/],
  ['user_id == ▸"7"', /user_id \(a whole number\) cannot be compared with text/],
  ['user_id == ▸7.5', /fraction/],
  ['create_time > ▸"2026-01-01T00:00:00Z"', /write timestamp\("…"\)/],
  ['resolve_time - create_time > ▸"1h"', /write duration\("…"\)/],
  ['labels == ▸name', /cannot be compared/],
  ['▸labels == tags', /write "text" in list/],
  ['"a" in ▸name', /holds no items/],
  ['name in ["a", ▸1]', /cannot be compared/],
  ['name in [▸nick]', /written out/],
  ['attributes.a in [▸null]', /null/],
  ['name == ▸null', /never null/],
  ['resolve_time < ▸null', /neither before nor after/],
  ['▸attributes == "x"', /attributes\.key/],
  ['attributes.a == ▸priority', /cannot be compared/],
  ['▸attributes.a < attributes.b', /== and != only/],
  ['▸name.first == "x"', /nothing inside/],
  // What must be a condition
  ['▸name', /condition is expected/],
  ['active && ▸"x"', /condition is expected/],
  ['!▸user_id', /condition is expected/],
  ['active ? ▸name : nick', /condition is expected/],
  ['active ? ▸attributes.a : true', /compare the attribute/],
  // Literals
  ['user_id == ▸9223372036854775808', /64 bits/],
  ['▸-9223372036854775809 == user_id', /64 bits/],
  ['user_id == ▸1e999', /too large/],
  ['user_id == ▸1u', /unsigned/],
  ['name == ▸b"x"', /bytes/],
  ['name == ▸"a\\x00"', /NUL/],
  ['name == "a▸\0"', /NUL/],
  ['name == "a▸\ud800"', /surrogate/],
  ['create_time > timestamp(▸"yesterday")', /RFC 3339/],
  ['create_time > timestamp(▸5)', /written out/],
  ['now - create_time > duration(▸"1d")', /units h, m, s/],
  ['now - create_time > duration(▸"3000000h")', /292 years/],
  ['create_time > timestamp(▸"9999-12-31T00:00:00Z") + duration("24h")', /years 1 to 9999/],
  ['create_time + duration(▸"1ns") > now', /microsecond/],
  ['attributes.a[▸-1] == 1', /index/],
  // Functions and operators
  ['▸name.matches("a+")', /unknown function matches/],
  ['labels▸.exists(l, l == "a")', /exists\(\) is not available/],
  ['labels▸.all(l, l == "a")', /all\(\) is not available/],
  ['labels▸.map(l, l)', /map\(\) is not available/],
  ['▸user_id + 1 > 2', /only times and spans/],
  ['▸user_id % 2 == 0', /operator % /],
  ['create_time + (▸resolve_time - create_time) > now', /written out/],
  ['▸{"a": 1} == attributes.a', /maps/],
  ['name == ▸["a"]', /after "in"/],
  ['▸name.startsWith()', /not called like this/],
  // Grammar
  ['name == ▸', /ends too early/],
  ['(active && (pinned)▸', /ends too early/],
  ['active▸)', /unexpected \)/],
  ['active ▸AND pinned', /unexpected AND; write &&/],
  ['active ▸or pinned', /write \|\|/],
  ['not ▸active', /write !/],
  ['name ▸= "x"', /write ==/],
  ['name == ▸"x', /does not end/],
  ['name ==\n  ▸== "x"', /unexpected ==/],
  ['status in [OPEN, ▸&& active', /unexpected &&/],
  ['active && (name == "a" && pinned == ▸) && active', /unexpected \)/],
  ['name.startsWith("a", ▸) && active', /unexpected \)/],
  ['name.startsWith("a") && active ▸name', /unexpected name/],
  ['(active || (pinned)) ▸active', /unexpected active/],
];

describe('a filter that cannot be answered', () => {
  it.each(faults)('is refused at the arrow: %s', (marked, message) => {
    const at = [...marked.slice(0, marked.indexOf('▸'))].length;
    const fault = faultOf(marked.replace('▸', ''));
    expect(fault.message).toMatch(message);
    expect(fault.offset).toBe(at);
  });

  it('names line and column, counted in characters', () => {
    const fault = faultOf('name == "é😀" &&\n  "😀" == colour');
    expect([fault.line, fault.column, fault.offset]).toEqual([2, 10, 25]);
  });

  it('is an invalid argument with reason FILTER_INVALID that names the field', () => {
    const fault = faultOf('colour');
    expect(fault).toBeInstanceOf(DomainError);
    expect(fault).toMatchObject({
      kind: 'invalid_argument',
      reason: 'FILTER_INVALID',
      facts: { field: 'filter', offset: '0', line: '1', column: '1' },
    });
    expect(fault.violations).toEqual([{ field: 'filter', description: expect.stringMatching(/^line 1, column 1: unknown name colour/) as string }]);
  });

  it('does not repeat a long name whole', () => {
    expect(faultOf('x'.repeat(4000)).message.length).toBeLessThan(400);
  });
});

describe('a filter over the limits', () => {
  it('is refused past 4096 characters', () => {
    const padded = (length: number): string => 'active'.padEnd(length, ' ');
    expect(compileFilter(padded(MAX_FILTER_LENGTH), schema).values).toEqual([]);
    expect(faultOf(padded(MAX_FILTER_LENGTH + 1)).message).toContain('at most 4096 characters');
  });

  it('is refused past 32 levels, of brackets or of operators', () => {
    expect(compileFilter(`${'('.repeat(32)}active${')'.repeat(32)}`, schema).text).toBe('r.active');
    expect(faultOf(`${'('.repeat(33)}active${')'.repeat(33)}`)).toMatchObject({
      offset: 32,
      message: expect.stringContaining('32 deep') as string,
    });
    expect(faultOf(`attributes${'.a'.repeat(40)}`).message).toContain('32 deep');
    expect(faultOf(`${'('.repeat(2000)}`).message).toContain('32 deep');
  });

  it('does not count brackets inside texts and comments', () => {
    const open = '('.repeat(50);
    expect(compileFilter(`name == "${open}" || name == r'\\${open}' // ${open}\n`, schema).values).toEqual([open, `\\${open}`]);
  });

  it('is refused past 500 names, literals and operators', () => {
    const either = (count: number): string => Array.from({ length: count }, () => 'active').join('||');
    expect(compileFilter(either(250), schema).values).toEqual([]);
    expect(faultOf(either(251)).message).toContain('at most 500');
  });

  it('is refused past 1000 items of a list', () => {
    const list = (count: number): string => `user_id in [${Array.from({ length: count }, () => '1').join(',')}]`;
    expect(compileFilter(list(MAX_LIST_ITEMS), schema).values).toHaveLength(1);
    expect(faultOf(list(MAX_LIST_ITEMS + 1)).message).toContain('at most 1000 items');
  });

  it.each([
    ['open brackets', '['.repeat(4096)],
    ['a long chain that ends in a fault', `${'active && '.repeat(400)}=`],
    ['choices without an end', '(active ? '.repeat(32)],
    ['negations', `${'!'.repeat(4000)}active =`],
    ['quotes', 'r"""'.repeat(1000)],
    ['a text in three quotes that does not end', `"""${'\\'.repeat(4000)}`],
    ['half texts', '"\\'.repeat(1300)],
    ['a span', `now - create_time > duration("${'1'.repeat(3900)}x")`],
    ['backslashes', `"${'\\'.repeat(4000)}`],
  ])('is refused in well under a second: %s', (_, filter) => {
    const start = performance.now();
    expect(faultOf(filter)).toBeInstanceOf(FilterError);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('stays short in SQL however its choices nest', () => {
    let filter = 'active';
    for (let level = 0; level < 10; level++) filter = `((${filter}) ? pinned : active)`;
    expect(compileFilter(filter, schema).text.length).toBeLessThan(2000);
  });
});
