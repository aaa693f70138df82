import { DomainError } from '../../foundation/errors.ts';

/** The bytes of a request are not what the contract's message looks like. */
export class RequestMalformed extends DomainError {
  constructor(why: string) {
    super('invalid_argument', 'REQUEST_MALFORMED', `the request cannot be read: ${why}`);
  }
}

/** A request message, inflated, is larger than the service takes. */
export class MessageTooLarge extends DomainError {
  constructor(maxBytes: number) {
    super('resource_exhausted', 'MESSAGE_TOO_LARGE', `a request message may take ${maxBytes} bytes at most`, { facts: { max_bytes: String(maxBytes) } });
  }
}

/** The headers of a call are larger than the service takes. */
export class MetadataTooLarge extends DomainError {
  constructor(maxBytes: number) {
    super('resource_exhausted', 'METADATA_TOO_LARGE', `the metadata of a call may take ${maxBytes} bytes at most`, { facts: { max_bytes: String(maxBytes) } });
  }
}
