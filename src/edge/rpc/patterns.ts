const TICKET = '^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[A-Z][A-Z0-9]{0,15}-[1-9][0-9]{0,17})$';

/** What each pattern of the contract asks for. */
const WORDS: ReadonlyMap<string, string> = new Map([
  [TICKET, 'must be the key of a ticket, such as KYC-1042, or its id, a UUID'],
  ['^[A-Z][A-Z0-9]{0,15}$', 'must be 1 to 16 of A-Z and 0-9, a letter first, such as KYC'],
  ['^[0-9]{1,18}$', 'must be a whole number of 1 to 18 digits'],
  ['^[A-Za-z0-9._-]{1,64}$', 'must be 1 to 64 letters, digits and ._-'],
  ['^[A-Za-z0-9._@+-]{1,64}$', 'must be 1 to 64 letters, digits and ._@+-'],
  ['^[A-Za-z0-9._@+/-]{1,64}$', 'must be 1 to 64 letters, digits and ._@+/-'],
  ['^[\\x21-\\x7e]{1,128}$', 'must be 1 to 128 printable ASCII characters without blanks'],
]);

/** What a value must look like that a pattern did not match; undefined for a pattern that the contract does not have. */
export const patternInWords = (pattern: string): string | undefined => WORDS.get(pattern);
