import { Compiler } from './compile.ts';
import { Fault, FilterError } from './error.ts';
import { Parameters } from './operand.ts';
import type { FilterSchema } from './schema.ts';
import { readTree } from './tree.ts';

export { FilterError } from './error.ts';
export { MAX_FILTER_DEPTH, MAX_FILTER_LENGTH } from './parse.ts';
export type { EnumField, FilterField, FilterSchema, PlainField } from './schema.ts';
export { MAX_FILTER_NODES, MAX_LIST_ITEMS } from './tree.ts';

/** A filter as SQL: a condition for WHERE, and the values of its placeholders in order. */
export interface CompiledFilter {
  readonly text: string;
  readonly values: unknown[];
}

/**
 * Translates a CEL filter over the fields of the schema into SQL: `$n` placeholders from
 * `firstParameter` (default 1), every literal bound, none written into the text. An empty filter is
 * true. `now`, if given (RFC 3339, the caller's one reading of the clock), is a name callers may use.
 *
 * A row passes where the condition is true. As in CEL, a condition on something that has no answer is
 * unknown, neither true nor false: `!` keeps it unknown, `false && …` is false, `true || …` is true,
 * and a choice by it is unknown. These have no answer:
 * - anything asked of a missing attribute: neither `attributes.tier == "gold"` nor
 *   `attributes.tier != "gold"` nor a negation of either is true of a row without `tier`;
 * - an order, a text test or a size of an attribute of another type: `attributes.n > 3` of "x".
 *   Equality has an answer: different types are unequal, so `attributes.n != "x"` is true of 3;
 * - an order of an unset time, or a sum with it. Equality has an answer: it equals null only.
 *
 * A filter answers where bare CEL only reports an error: `attributes.a == null` is true of a missing
 * attribute as of a null one, and `has(attributes.a)` is always its opposite, even of `a.b` where `a`
 * is missing. `has(field)` tells whether a field differs from its default. Numbers in attributes
 * compare exactly, where bare CEL rounds whole ones past 2^53. Text is ordered by code point.
 *
 * Throws FilterError, with the place of the fault, for anything it cannot answer.
 */
export function compileFilter(source: string, schema: FilterSchema, options: { readonly firstParameter?: number; readonly now?: string } = {}): CompiledFilter {
  if (source.trim() === '') return { text: 'true', values: [] };
  try {
    const parameters = new Parameters(options.firstParameter ?? 1);
    const text = new Compiler(schema, parameters, options.now).condition(readTree(source));
    return { text, values: parameters.values };
  } catch (error) {
    if (error instanceof Fault) throw new FilterError(error.message, source, error.at);
    throw error;
  }
}
