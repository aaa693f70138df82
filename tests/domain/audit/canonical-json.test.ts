import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson, parseExactJson } from '../../../src/domain/audit/sealing/canonical-json.ts';
import { cutMembers, type Member } from '../../../src/domain/audit/sealing/members.ts';
import { type Reading, startReading } from '../../support/reading.ts';

const hasNul = (value: unknown): boolean => JSON.stringify(value).includes('\\u0000');
const values = fc.jsonValue({ maxDepth: 4 }).filter((value) => !hasNul(value));
const objects = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 8 }), values, { maxKeys: 8 }).filter((value) => !hasNul(value));

describe('canonical JSON', () => {
  let reading: Reading;
  beforeAll(async () => {
    reading = await startReading();
  });
  afterAll(() => reading.close());

  const printed = async (text: string): Promise<string> => (await reading.sql<{ text: string }>('SELECT $1::jsonb::text AS text', [text]))[0]?.text ?? '';

  it('is what PostgreSQL prints, however it was written', async () => {
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const text = await printed(JSON.stringify(value));
        expect(canonicalJson(parseExactJson(text))).toBe(text);
        expect(canonicalJson(parseExactJson(JSON.stringify(parseAsIs(text), null, 3)))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps numbers as they were written', () => {
    expect(canonicalJson(parseExactJson('{"b":1.50,"a":12345678901234567890,"é":1e3}'))).toBe('{"a": 12345678901234567890, "b": 1.50, "é": 1e3}');
  });

  it('gives up any of its members without being parsed', async () => {
    await fc.assert(
      fc.asyncProperty(objects, fc.func(fc.boolean()), async (object, isCut) => {
        const text = await printed(JSON.stringify(object));
        const members = Object.keys(object).map((name) => JSON.stringify(name).slice(1, -1));
        const names = new Set(members.filter(isCut));
        const cut: Member[] = [];
        const left = cutMembers(text, [...names], (member) => cut.push(member));
        const kept = Object.fromEntries(Object.entries(object).filter(([name]) => !names.has(JSON.stringify(name).slice(1, -1))));
        expect(left).toBe(await printed(JSON.stringify(kept)));
        for (const { name, content } of cut) expect(content).toBe(await printed(JSON.stringify(object[JSON.parse(`"${name}"`) as string])));
        expect(cut).toHaveLength(names.size);
      }),
      { numRuns: 150 },
    );
  });
});

/** Read with numbers that print as they were. */
function parseAsIs(text: string): unknown {
  const raw = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(context?.source ?? '') : value;
  return JSON.parse(text, raw);
}
