/** What has to be mended before a file can be read: where it was looked for, the file itself, its text, or what was said about it. */
export type Unreadable = 'path' | 'file' | 'text' | 'encoding' | 'sheet' | 'mapping';

/** A file that cannot be read as a table, or not in the way that was asked for; the message says what is wrong, and names the file. */
export class FileUnreadable extends Error {
  override readonly name = 'FileUnreadable';
  readonly what: Unreadable;

  constructor(message: string, what: Unreadable = 'file') {
    super(message);
    this.what = what;
  }
}
