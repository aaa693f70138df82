import { parse } from '@bufbuild/cel';
import { Fault, quoted } from './error.ts';

/** Longest filter, in UTF-16 units. */
export const MAX_FILTER_LENGTH = 4096;

/** Deepest nesting of brackets and of expressions. */
export const MAX_FILTER_DEPTH = 32;

/** A filter as the CEL parser returns it. */
export type Parsed = ReturnType<typeof parse>;

// Text and comments, where brackets mean nothing. Raw texts first: a backslash does not escape there.
// No two alternatives match the same character, else a hostile text would take for ever.
const QUOTED = new RegExp(
  [
    /[bB]?[rR][bB]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')/,
    /"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''/,
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/,
    /\/\/[^\n]*/,
  ]
    .map((part) => part.source)
    .join('|'),
  'g',
);

const OPERATOR = /&&|\|\||[=!<>]=|[<>()[\]{},.?:+*/%-]|in\b/y;

// Searching for the exact place parses again and again, so only short filters get it.
const LOCATE_LENGTH = 512;
const LOCATE_ROUNDS = 20;

/** Parses CEL text. Text that is too long, too deeply nested or no CEL is a Fault with its place. */
export function parseFilter(source: string): Parsed {
  if (source.length > MAX_FILTER_LENGTH) {
    throw new Fault(MAX_FILTER_LENGTH, `a filter has at most ${MAX_FILTER_LENGTH} characters`);
  }
  assertStorable(source);
  // The parser recurses, and takes seconds over hundreds of open brackets.
  assertShallow(source);
  const parsed = attempt(source);
  if ('expr' in parsed) return parsed;
  throw describe(source, locate(source, parsed));
}

// Where the parser gave up, and whether it was for want of an operand there.
interface GivenUp {
  readonly at: number;
  readonly operandMissing: boolean;
}

function attempt(source: string): Parsed | GivenUp {
  try {
    return parse(source);
  } catch (error) {
    if (error instanceof RangeError) return { at: 0, operandMissing: true };
    const { location, expected } = error as { location?: { start: { offset: number } }; expected?: readonly { value: string }[] };
    // Without a place it complains of the meaning of an escape such as "\ud800".
    const at = location?.start.offset ?? Math.max(source.search(/\\[uUxX]/), 0);
    return { at, operandMissing: location === undefined || expected?.some(({ value }) => value === '!') === true };
  }
}

function assertStorable(source: string): void {
  const nul = source.indexOf('\0');
  if (nul >= 0) throw new Fault(nul, 'the NUL character is not allowed');
  if (!source.isWellFormed()) {
    const at = source.search(/\p{Surrogate}/u);
    throw new Fault(Math.max(at, 0), 'half a character (a lone surrogate) is not allowed');
  }
}

function assertShallow(source: string): void {
  const bare = source.replace(QUOTED, (text) => ' '.repeat(text.length));
  let depth = 0;
  for (let at = 0; at < bare.length; at++) {
    const character = bare[at] ?? '';
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    if (depth > MAX_FILTER_DEPTH) throw new Fault(at, `brackets nest at most ${MAX_FILTER_DEPTH} deep`);
  }
}

// The parser often gives up at an operator far before the fault. What follows that operator is parsed
// on its own: the fault lies where that in turn gives up.
function locate(source: string, first: GivenUp): number {
  let { at, operandMissing } = first;
  let open = 0;
  if (source.length > LOCATE_LENGTH) return at;
  for (let round = 0; round < LOCATE_ROUNDS && !operandMissing; round++) {
    OPERATOR.lastIndex = at;
    const operator = OPERATOR.exec(source)?.[0];
    if (operator === undefined || (open === 0 && /[)\]},:]/.test(operator))) return at;
    if (/[([{?]/.test(operator)) open++;
    if (/[)\]}:]/.test(operator)) open--;
    const start = at + operator.length;
    if (/[)\]}]/.test(operator)) {
      // Another operator follows, or the fault.
      at = start + source.slice(start).search(/\S|$/);
      continue;
    }
    const rest = attempt(source.slice(start));
    if ('expr' in rest) return open > 0 ? source.length : first.at;
    at = start + rest.at;
    operandMissing = rest.operandMissing;
  }
  return at;
}

function describe(source: string, at: number): Fault {
  const found = /^(?:[\p{L}\p{N}_]+|&&?|\|\|?|[=!<>]=|\S)/u.exec(source.slice(at))?.[0];
  if (found === undefined) return new Fault(source.length, 'the filter ends too early');
  if (/["'\\]/.test(found)) return new Fault(at, 'a text that does not end, or has an escape unknown to CEL');
  return new Fault(at, `unexpected ${quoted(found)}${advice(found, source.slice(0, at))}`);
}

function advice(found: string, before: string): string {
  if (/^and$|^&$/i.test(found)) return '; write && for "and"';
  if (/^or$|^\|$/i.test(found)) return '; write || for "or"';
  if (/\bnot\s*$/i.test(before)) return '; write ! for "not"';
  if (found === '=') return '; write == for "equals"';
  return '';
}
