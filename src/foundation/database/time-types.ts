import { Type } from '@mikro-orm/postgresql';

/** Keeps a column's value the text that PostgreSQL prints; MikroORM would make JavaScript dates of times. */
abstract class TextType extends Type<string, string> {
  override compareAsType(): string {
    return 'string';
  }

  override get runtimeType(): string {
    return 'string';
  }
}

/** A `timestamptz` as an instant in UTC, microseconds kept. */
export class InstantType extends TextType {
  override getColumnType(): string {
    return 'timestamptz';
  }
}

/** A `date` as a calendar day. */
export class DayType extends TextType {
  override getColumnType(): string {
    return 'date';
  }
}
