import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { InvalidField } from '../../foundation/errors.ts';
import { AttributesTooLarge } from './errors.ts';

/** Bytes of JSON that a ticket's attributes may take. */
const ATTRIBUTES_LIMIT_BYTES = 16 * 1024;
/** How deep objects and lists may lie in each other. Readers in other languages give up at 33. */
const ATTRIBUTES_LIMIT_LEVELS = 20;

/** Throws unless attributes can be kept as they are, and read again by everybody; `field` is what the caller calls them. */
export function checkAttributes(attributes: JsonObject, field: string): JsonObject {
  checkValue(attributes, field, 1);
  if (Buffer.byteLength(JSON.stringify(attributes)) > ATTRIBUTES_LIMIT_BYTES) throw new AttributesTooLarge(field, ATTRIBUTES_LIMIT_BYTES);
  return attributes;
}

function checkValue(value: JsonValue, field: string, level: number): void {
  if (typeof value === 'string') return checkText(value, field);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new InvalidField(field, 'must not contain a number that is infinite or none');
  if (typeof value !== 'object' || value === null) return;
  if (level > ATTRIBUTES_LIMIT_LEVELS) throw new InvalidField(field, `must be at most ${ATTRIBUTES_LIMIT_LEVELS} levels deep`);
  for (const [name, inner] of Object.entries(value)) {
    checkText(name, field);
    checkValue(inner, field, level + 1);
  }
}

function checkText(text: string, field: string): void {
  if (text.includes('\0')) throw new InvalidField(field, 'must not contain the NUL character');
  if (!text.isWellFormed()) throw new InvalidField(field, 'must not contain half of a surrogate pair');
}
