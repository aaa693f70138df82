import { type DescMessage, type Message, toBinary } from '@bufbuild/protobuf';

const known = new WeakMap<Message, Uint8Array<ArrayBuffer>>();

/** The binary form of a message that does not change any more, made once however often it is asked for. */
export function encodedOnce(schema: DescMessage, message: Message): Uint8Array<ArrayBuffer> {
  const bytes = known.get(message) ?? toBinary(schema, message);
  known.set(message, bytes);
  return bytes;
}

/** The binary form of a message, from memory if it was asked for once. */
export const encoded = (schema: DescMessage, message: Message): Uint8Array<ArrayBuffer> => known.get(message) ?? toBinary(schema, message);
