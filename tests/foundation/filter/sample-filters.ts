import fc from 'fast-check';
import { ids, keys, numbers, texts, timeLiteral, times, wholes } from './sample-rows.ts';

/** A filter, and the bare CEL that means the same: they differ where filters say more than CEL does. */
export interface Sample {
  readonly filter: string;
  readonly cel: string;
}

const same = (source: string): Sample => ({ filter: source, cel: source });
const quote = (value: string): string => JSON.stringify(value);
const one = <Item>(...items: Item[]): fc.Arbitrary<Item> => fc.constantFrom(...items);
const join = (left: Sample, operator: string, right: Sample): Sample => ({
  filter: `${left.filter} ${operator} ${right.filter}`,
  cel: `${left.cel} ${operator} ${right.cel}`,
});

const equality = one('==', '!=');
const comparison = one('==', '!=', '<', '<=', '>', '>=');

const textLiteral = one(...texts).map(quote);
const idLiteral = one(...ids, ids[0]?.toUpperCase() ?? '', '', 'no id', ids[1]?.slice(0, 8) ?? '').map(quote);
const intLiteral = one(...wholes).map(String);
const doubleLiteral = one(...numbers.filter((value) => !Number.isInteger(value)), 1e21).map(String);
const boolLiteral = one('true', 'false');
const timeConstant = fc.oneof(
  fc.tuple(one(...times), one(0, 0, 0, 1, 999)).map(([micros, nanos]) => `timestamp(${quote(timeLiteral(micros, nanos))})`),
  one('now', 'now - duration("24h")', 'duration("1us") + now', 'timestamp("2026-03-01T13:00:00.000001+01:00")'),
);
const spanConstant = one('0', '1us', '-1us', '24h', '720h0m0.000001s', '1ns', '1.5h').map((span) => `duration("${span}")`);

const textField = one('name', 'nick');
const intField = one('user_id', 'score', 'size(name)', 'nick.size()', 'size(labels)', 'size(tags)', 'size(attributes)', 'size(extras)');
const boolField = one('active', 'pinned');
const timeField = one('create_time', 'resolve_time');
const rankField = one('priority', 'urgency');
const rank = one('LOW', 'MEDIUM', 'HIGH');
const state = one('OPEN', 'ON_HOLD', 'CLOSED');

const access = one(...keys).map((key) => (key === 'x-y' ? '["x-y"]' : `.${key}`));
const attribute = fc
  .tuple(one('attributes', 'extras'), fc.array(fc.oneof({ weight: 5, arbitrary: access }, one('[0]', '[1]')), { minLength: 1, maxLength: 2 }))
  .map(([root, path]) => root + path.join(''));

const compared = (left: fc.Arbitrary<string>, operator: fc.Arbitrary<string>, right: fc.Arbitrary<string>): fc.Arbitrary<Sample> =>
  fc.tuple(left, operator, right, fc.boolean()).map(([a, sign, b, turned]) => same(turned ? `${b} ${sign} ${a}` : `${a} ${sign} ${b}`));

const listed = (item: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.array(item, { maxLength: 4 }).map((items) => `[${items.join(', ')}]`);

// A quoted constant means what the bare name means.
const enumCompared = fc.tuple(fc.oneof(fc.tuple(rankField, comparison, rank), fc.tuple(one('status'), equality, state)), fc.boolean()).map(
  ([[field, sign, name], quoted]): Sample => ({
    filter: `${field} ${sign} ${quoted ? quote(name) : name}`,
    cel: `${field} ${sign} ${name}`,
  }),
);

// Bare CEL asks step by step whether a path ends early, where a filter asks once.
const missing = (path: string): string => {
  const steps = [...path.matchAll(/\.(\w+)|\["([^"]+)"\]/g)];
  let parent = /^\w+/.exec(path)?.[0] ?? '';
  return steps
    .map(([step, name, quoted]) => {
      const absent = `!(${quote(name ?? quoted ?? '')} in ${parent})`;
      parent += step;
      return absent;
    })
    .join(' || ');
};
const keyed = fc.tuple(one('attributes', 'extras'), access).map(([root, key]) => root + key);
const nullCompared = fc.tuple(keyed, equality).map(([path, sign]): Sample => {
  const isNull = `(${missing(path)} || ${path} == null)`;
  return { filter: `${path} ${sign} null`, cel: sign === '==' ? isNull : `!${isNull}` };
});
const hasKey = keyed.map((path): Sample => ({ filter: `has(${path})`, cel: `!(${missing(path)})` }));
const hasDeepKey = one(
  { filter: 'has(attributes.a.b)', cel: 'has(attributes.a) && has(attributes.a.b)' },
  { filter: '!has(extras.b.a)', cel: '!(has(extras.b) && has(extras.b.a))' },
);
const hasField = one(
  { filter: 'has(nick)', cel: 'nick != ""' },
  { filter: 'has(owner_id)', cel: 'owner_id != ""' },
  { filter: 'has(score)', cel: 'score != 0' },
  { filter: 'has(pinned)', cel: 'pinned' },
  { filter: 'has(resolve_time)', cel: 'resolve_time != null' },
  { filter: 'has(tags)', cel: 'size(tags) > 0' },
  { filter: 'has(extras)', cel: 'size(extras) > 0' },
  { filter: 'has(urgency)', cel: 'urgency != MEDIUM' },
);

const textTest = fc
  .tuple(
    fc.oneof(textField, one('group_id', 'owner_id'), attribute, textLiteral),
    one('startsWith', 'endsWith', 'contains'),
    fc.oneof(textLiteral, textField, idLiteral),
  )
  .map(([whole, test, part]) => same(`${whole}.${test}(${part})`));

const atoms: readonly fc.Arbitrary<Sample>[] = [
  compared(textField, comparison, fc.oneof(textLiteral, textField)),
  compared(one('group_id', 'owner_id'), comparison, fc.oneof(idLiteral, one('owner_id'), textField)),
  compared(intField, comparison, fc.oneof(intLiteral, intField)),
  compared(boolField, equality, fc.oneof(boolLiteral, boolField)),
  boolField.map(same),
  compared(timeField, comparison, fc.oneof(timeConstant, timeField)),
  compared(one('resolve_time'), equality, one('null')),
  compared(
    one('resolve_time - create_time', 'create_time - resolve_time', 'now - create_time'),
    comparison,
    fc.oneof(spanConstant, one('duration("1h") - duration("25h")')),
  ),
  compared(one('create_time + duration("24h")', 'resolve_time - duration("1us")'), comparison, fc.oneof(timeConstant, timeField)),
  enumCompared,
  fc.tuple(rankField, comparison, rankField).map(([a, sign, b]) => same(`${a} ${sign} ${b}`)),
  fc.tuple(rankField, listed(rank)).map(([field, list]) => same(`${field} in ${list}`)),
  listed(state).map((list) => same(`status in ${list}`)),
  fc.tuple(textField, listed(textLiteral)).map(([field, list]) => same(`${field} in ${list}`)),
  fc.tuple(one('group_id', 'owner_id'), listed(idLiteral)).map(([field, list]) => same(`${field} in ${list}`)),
  fc.tuple(intField, listed(intLiteral)).map(([field, list]) => same(`${field} in ${list}`)),
  fc.tuple(timeField, listed(timeConstant)).map(([field, list]) => same(`${field} in ${list}`)),
  fc.tuple(fc.oneof(textLiteral, textField), one('labels', 'tags')).map(([item, field]) => same(`${item} in ${field}`)),
  textTest,
  compared(attribute, comparison, fc.oneof(textLiteral, one('-1', '0', '1', '3'), doubleLiteral, textField, one('size(labels)'))),
  compared(attribute, comparison, fc.oneof(boolLiteral, boolField)),
  compared(attribute, equality, attribute),
  attribute.map(same),
  fc.tuple(attribute, listed(fc.oneof(textLiteral, one('1', '3', '2.5'), boolLiteral))).map(([path, list]) => same(`${path} in ${list}`)),
  fc
    .tuple(fc.oneof(one(...keys).map(quote), textLiteral, one('1', '2.5', 'true'), textField), fc.oneof(attribute, one('attributes', 'extras')))
    .map(([item, path]) => same(`${item} in ${path}`)),
  fc.tuple(attribute, comparison, one('0', '1', '2')).map(([path, sign, count]) => same(`size(${path}) ${sign} ${count}`)),
  nullCompared,
  hasKey,
  hasDeepKey,
  hasField,
  boolLiteral.map(same),
];

const wrap = (sample: Sample): Sample => ({ filter: `(${sample.filter})`, cel: `(${sample.cel})` });
// An attribute alone is no condition to choose.
const choice = (sample: Sample): Sample => wrap(join(wrap(sample), '||', same('false')));
const not = (sample: Sample): Sample => ({ filter: `!(${sample.filter})`, cel: `!(${sample.cel})` });

/** Filters over the whole schema, of any shape that filters may have. */
export const sample: fc.Arbitrary<Sample> = fc.letrec<{ any: Sample; atom: Sample }>((tie) => ({
  atom: fc.oneof(...atoms),
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: tie('atom') },
    { weight: 2, arbitrary: tie('any').map(not) },
    { weight: 2, arbitrary: fc.tuple(tie('any'), one('&&', '||'), tie('any')).map(([a, sign, b]) => join(wrap(a), sign, wrap(b))) },
    {
      weight: 1,
      arbitrary: fc.tuple(tie('any'), tie('any'), tie('any')).map(([a, b, c]) => join(join(wrap(a), '?', choice(b)), ':', choice(c))),
    },
    { weight: 1, arbitrary: fc.tuple(tie('any'), equality, tie('any')).map(([a, sign, b]) => join(not(a), sign, not(b))) },
  ),
})).any;
