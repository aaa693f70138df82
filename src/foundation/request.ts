import { InvalidField } from './errors.ts';

/** A message that the contract requires. The validation of requests refuses its absence before; this says so to the types. */
export function given<Value>(field: string, value: Value | undefined): Value {
  if (value === undefined) throw new InvalidField(field, 'must be given');
  return value;
}

/** A UUID as PostgreSQL writes it; callers may use capitals. */
export const canonicalId = (uuid: string): string => uuid.toLowerCase();
