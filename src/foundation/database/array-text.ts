const SPECIAL = /["\\]/;

/** What an element of such an array can be. */
type Element = string | number | boolean | null;

/** A PostgreSQL array as text, written several times faster than by the driver, which looks at each element more than once. */
export function arrayText(values: readonly Element[]): string {
  let text = '';
  for (const value of values) {
    if (text !== '') text += ',';
    if (value === null) text += 'NULL';
    else if (typeof value !== 'string') text += value;
    else text += SPECIAL.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`;
  }
  return `{${text}}`;
}

/** Fields of rows as PostgreSQL arrays, one for each name: what `unnest` makes rows of again. */
export function columnTexts<Name extends PropertyKey>(rows: readonly Readonly<Record<Name, Element>>[], names: readonly Name[]): string[] {
  return names.map((name) => arrayText(rows.map((row) => row[name])));
}
