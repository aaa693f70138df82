/** What every field of a filter says about itself. */
interface FieldBase {
  /** The column, or an SQL expression in parentheses, that holds the value: `t.agent_id`. Written by us, never by a caller. */
  readonly sql: string;
  /**
   * Whether the column can be NULL. An unset value compares as its default (`""`, `0`, `false`, an
   * empty list or map); an unset time is `null`, which is neither before nor after anything.
   */
  readonly nullable?: boolean;
}

/** A field that holds text, a number, a truth value, a time, a list of texts (`text[]`) or attributes (`jsonb`). */
export interface PlainField extends FieldBase {
  /** `uuid` is a `uuid` column that callers see as text. */
  readonly type: 'string' | 'uuid' | 'int' | 'bool' | 'timestamp' | 'string_list' | 'json';
}

/** A field with named values. Callers write the names, bare or quoted. */
export interface EnumField extends FieldBase {
  readonly type: 'enum';
  /** The names callers use, each with the value stored for it: all numbers or all texts. */
  readonly constants: Readonly<Record<string, number | string>>;
  /** Whether `<` and its like are allowed; the stored values must then be numbers in that order. */
  readonly ordered?: boolean;
  /** What NULL stands for in a nullable column; without it 0 or "". */
  readonly nullAs?: number | string;
}

/** One field that callers may filter by. */
export type FilterField = PlainField | EnumField;

/** The documented fields of one list: the name callers write, and what it stands for. */
export type FilterSchema = Readonly<Record<string, FilterField>>;

/** The field of that name, or undefined; inherited names such as `constructor` are no fields. */
export function fieldNamed(schema: FilterSchema, name: string): FilterField | undefined {
  return Object.hasOwn(schema, name) ? schema[name] : undefined;
}
