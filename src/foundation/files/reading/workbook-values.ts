const DAY_MS = 86_400_000;

/** A time of a sheet, which counts days. Whole days have no time of day; a fraction is as exact as a millisecond. */
export function dateText(days: number, since1904: boolean): string {
  // Sheets think that 1900 was a leap year: days before March 1900 are one later.
  const ms = Math.round((days + (since1904 ? 1462 : days < 60 ? 1 : 0) - 25_569) * DAY_MS);
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return String(days);
  const iso = new Date(ms).toISOString();
  return ms % DAY_MS === 0 ? iso.slice(0, 10) : iso.replace('.000Z', 'Z');
}

/** Whether numbers of this format are dates: one of the built-in ones, or letters of a date outside quotation marks, brackets and escapes. */
export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);
  return /[dmyhs]/i.test(code.replaceAll(/"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|General/gi, ''));
}

/** A number as people write it: `4711`, not `4711.0` or `4.711E3`. One with more digits than sheets keep has lost some, and stays as it stands. */
export function numberText(text: string): string {
  const number = Number(text);
  return Number.isFinite(number) && Math.abs(number) <= Number.MAX_SAFE_INTEGER ? String(number) : text;
}

/** What XML cannot hold stands as `_x000D_`. Half of a surrogate pair, which is no text, becomes U+FFFD. */
export const unescaped = (text: string): string =>
  text.replaceAll(/_x([0-9A-Fa-f]{4})_/g, (_whole, code: string) => String.fromCharCode(Number.parseInt(code, 16))).toWellFormed();
