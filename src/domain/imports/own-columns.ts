/** Why the row failed: for people, and passed over when the file is imported. */
export const ERROR_COLUMN = 'docket_error';
/** What the row is called in its ticket, so that it is still the same row when others are gone and its values are corrected. */
export const REFERENCE_COLUMN = 'docket_reference';

/** The columns that a file of failed rows has besides its own. */
export const OWN_COLUMNS: readonly string[] = [ERROR_COLUMN, REFERENCE_COLUMN];

/** Whether a column is ours rather than the file's. */
export const isOwnColumn = (column: string): boolean => OWN_COLUMNS.includes(column);

/** What a file of failed rows says of one: each fault with its field. */
export const faultText = (faults: readonly { readonly field: string; readonly message: string }[]): string =>
  faults.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; ');
