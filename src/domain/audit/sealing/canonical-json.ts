/** A number as it was written: sums of money and ids keep every digit. */
class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A JSON value whose numbers are kept as they were written. */
export type ExactJson = null | boolean | string | NumberText | readonly ExactJson[] | { readonly [name: string]: ExactJson };

/** Reads JSON without rounding a number. @throws SyntaxError when it is none. */
export function parseExactJson(text: string): ExactJson {
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value;
  return JSON.parse(text, keep) as ExactJson;
}

/**
 * The one text of a JSON value, whoever wrote it down: no two values share it. Names come in order of their length in bytes of UTF-8, then of these bytes; `, `
 * and `: ` are the only spaces; numbers stay as written; in strings `"`, `\` and characters below U+0020 are escaped, and no others. It
 * is what PostgreSQL prints for a jsonb.
 */
export function canonicalJson(value: ExactJson): string {
  if (value instanceof NumberText) return value.text;
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value)
    .map(([name, member]) => ({ name, bytes: Buffer.from(name), member: member as ExactJson }))
    .sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes));
  return `{${members.map(({ name, member }) => `${JSON.stringify(name)}: ${canonicalJson(member)}`).join(', ')}}`;
}
