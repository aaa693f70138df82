import { DomainError } from '../../foundation/errors.ts';
import type { FileUnreadable } from '../../foundation/files/reading/unreadable.ts';

/** What the columns mean was neither said nor only asked about. */
export class MappingRequired extends DomainError {
  constructor() {
    super('invalid_argument', 'MAPPING_REQUIRED', 'settings.mapping: ask with validate_only what the columns would mean, look at it, and send it back', {
      violations: [{ field: 'settings.mapping', description: 'must be given unless validate_only asks for a guess' }],
    });
  }
}

/** This process takes as many files, or from this caller, as it may; each lies on its disk until it is read. */
export class TooManyUploads extends DomainError {
  constructor(limit: number, what: string) {
    super('resource_exhausted', 'TOO_MANY_CALLS', `this process takes ${limit} ${what} at a time`, { facts: { limit: String(limit) }, retryAfterMs: 5_000 });
  }
}

/** The uploaded file cannot be read as it was asked for, or has more than is taken. */
export class UploadUnreadable extends DomainError {
  constructor(field: string, message: string) {
    super('invalid_argument', 'FILE_UNREADABLE', message, { violations: [{ field, description: message }], facts: { field } });
  }
}

/** What reading a file failed with, as its uploader is told. */
export function uploadUnreadable({ what, message }: FileUnreadable): UploadUnreadable {
  const field = {
    path: 'chunk',
    file: 'chunk',
    text: 'settings.encoding',
    encoding: 'settings.encoding',
    sheet: 'settings.sheet',
    mapping: 'settings.mapping',
  }[what];
  return new UploadUnreadable(field, message);
}
