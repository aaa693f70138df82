/** The import cannot begin or go on; the message tells the person at the terminal why, and what to do. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused';
}
