import { v7 } from 'uuid';

/** A new UUIDv7: unique, and rising with time within a process. */
export const newId = (): string => v7();

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text has the form of a UUID, in either case. */
export const isUuid = (text: string): boolean => UUID.test(text);
