import { Fault } from './error.ts';
import type { Parsed } from './parse.ts';
import { MAX_FILTER_DEPTH, parseFilter } from './parse.ts';

/** Most names, literals and operators in one filter; the items of lists are counted apart. */
export const MAX_FILTER_NODES = 500;

/** Most items in one list. */
export const MAX_LIST_ITEMS = 1000;

type Expr = Parsed['expr'];
type SourceInfo = NonNullable<Parsed['sourceInfo']>;

/** A filter reduced to what filters may say; `at` is where its text begins. */
export type Node =
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'literal'; readonly value: string | bigint | number | boolean | null; readonly at: number }
  | { readonly kind: 'list'; readonly items: readonly Node[]; readonly at: number }
  | { readonly kind: 'path'; readonly of: Node; readonly key: string | bigint; readonly at: number }
  | { readonly kind: 'has'; readonly of: Node; readonly at: number }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly target: Node | undefined;
      readonly args: readonly Node[];
      readonly at: number;
    };

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Parses a filter and refuses what no filter may contain: other macros, maps, bytes, too many parts. */
export function readTree(source: string): Node {
  const parsed = parseFilter(source);
  return new Reader(parsed).node(parsed.expr, 1);
}

class Reader {
  readonly #source: SourceInfo;
  #nodes = 0;

  constructor(parsed: Parsed) {
    this.#source = parsed.sourceInfo as SourceInfo;
  }

  node(expr: Expr, depth: number, counted = true): Node {
    const own = this.#source.positions[`${expr.id}`] ?? 0;
    if (depth > MAX_FILTER_DEPTH) throw new Fault(own, `expressions nest at most ${MAX_FILTER_DEPTH} deep`);
    if (counted && ++this.#nodes > MAX_FILTER_NODES) {
      throw new Fault(own, `a filter has at most ${MAX_FILTER_NODES} names, literals and operators`);
    }
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'identExpr':
        return { kind: 'name', name: exprKind.value.name, at: own };
      case 'constExpr':
        return { kind: 'literal', value: literal(exprKind.value.constantKind, own), at: own };
      case 'listExpr':
        return this.#list(exprKind.value.elements, own, depth);
      case 'selectExpr': {
        if (exprKind.value.operand === undefined) throw new Fault(own, 'nothing stands before the dot');
        const of = this.node(exprKind.value.operand, depth + 1);
        const path: Node = { kind: 'path', of, key: text(exprKind.value.field, own), at: of.at };
        return exprKind.value.testOnly ? { kind: 'has', of: path, at: own } : path;
      }
      case 'callExpr':
        return this.#call(exprKind.value, own, depth);
      case 'structExpr':
        throw new Fault(own, 'maps and messages cannot be written in a filter');
      case 'comprehensionExpr':
        throw new Fault(own, `${this.#macroName(expr)}() is not available in filters`);
      default:
        throw new Fault(own, 'this cannot be used in a filter');
    }
  }

  #list(elements: readonly Expr[], own: number, depth: number): Node {
    if (elements.length > MAX_LIST_ITEMS) throw new Fault(own, `a list has at most ${MAX_LIST_ITEMS} items`);
    return { kind: 'list', items: elements.map((element) => this.node(element, depth + 1, false)), at: own };
  }

  #call(call: { function: string; target?: Expr | undefined; args: readonly Expr[] }, own: number, depth: number): Node {
    const target = call.target === undefined ? undefined : this.node(call.target, depth + 1);
    const args = call.args.map((arg) => this.node(arg, depth + 1));
    const [first, second] = args;
    if (call.function === '_[_]' && first !== undefined && second !== undefined) {
      return { kind: 'path', of: first, key: indexKey(second), at: first.at };
    }
    if (call.function === 'has' && target === undefined && args.length === 1 && first !== undefined) {
      return { kind: 'has', of: first, at: own };
    }
    // The position of an operator is not that of its expression: it begins where its left side does.
    const at = target?.at ?? Math.min(own, first?.at ?? own);
    return { kind: 'call', name: call.function, target, args, at };
  }

  #macroName(expr: Expr): string {
    const call = this.#source.macroCalls[`${expr.id}`]?.exprKind;
    return call?.case === 'callExpr' ? call.value.function : 'this macro';
  }
}

function indexKey(node: Node): string | bigint {
  if (node.kind === 'literal' && typeof node.value === 'string') return node.value;
  if (node.kind === 'literal' && typeof node.value === 'bigint' && node.value >= 0n && node.value < 2n ** 31n) return node.value;
  throw new Fault(node.at, 'an index is a text or a whole number from 0, written out');
}

function literal(constant: { case?: string | undefined; value?: unknown }, at: number): string | bigint | number | boolean | null {
  switch (constant.case) {
    case 'stringValue':
      return text(constant.value as string, at);
    case 'int64Value':
      return int64(constant.value as bigint, at);
    case 'doubleValue':
      if (!Number.isFinite(constant.value)) throw new Fault(at, 'this number is too large');
      return constant.value as number;
    case 'boolValue':
      return constant.value as boolean;
    case 'nullValue':
      return null;
    case 'uint64Value':
      throw new Fault(at, 'unsigned numbers are not used here; leave out the u');
    default:
      throw new Fault(at, 'bytes cannot be used in a filter');
  }
}

/** The number if 64 bits hold it; else a Fault. */
export function int64(value: bigint, at: number): bigint {
  if (value > INT64_MAX || value < INT64_MIN) throw new Fault(at, 'whole numbers have at most 64 bits');
  return value;
}

// Escapes such as "\x00" and "\ud800" pass the check of the source text.
function text(value: string, at: number): string {
  if (value.includes('\0')) throw new Fault(at, 'the NUL character is not allowed');
  if (!value.isWellFormed()) throw new Fault(at, 'half a character (a lone surrogate) is not allowed');
  return value;
}
