/**
 * Where a spreadsheet could begin to read a formula: at the start, and after what it may take for a separator (a semicolon or a tab
 * where its language has them for commas, the end of a line where it does not know the quotation marks).
 */
const places = /(?<=^|[;\t\n]|\r(?!\n))/g;

/** Blanks and apostrophes before one of the signs, in ASCII or full width; at the start a tab or the end of a line too, which programs may take away. */
const risk = /^[\s']*[=+\-@＝＋－＠]/;
const riskAtStart = /^(?:[\s']*[=+\-@＝＋－＠]|'*[\t\r\n])/;

const isRisky = (rest: string, at: number): boolean => (at === 0 ? riskAtStart : risk).test(rest);

/** The text with an apostrophe before whatever a spreadsheet could take for a formula. `withoutGuard` gives the text again. */
export const withGuard = (text: string): string => text.replaceAll(places, (_none, at: number) => (isRisky(text.slice(at), at) ? "'" : ''));

/** The text without the apostrophes that `withGuard` put in. A text that it did not make loses those that it would have put there. */
export const withoutGuard = (text: string): string =>
  text.replaceAll(/(?<=^|[;\t\n]|\r(?!\n))'/g, (guard, at: number) => (isRisky(text.slice(at + 1), at) ? '' : guard));
