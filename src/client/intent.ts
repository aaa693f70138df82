import { clone, create, type DescField, type DescMessage, type DescMethod, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';

/** A request as each attempt sends it. */
export interface Intent {
  readonly message: Message;
  /** Of a change; undefined for a read. */
  readonly requestId: string | undefined;
  /** Whether sending it twice has the effect of once. */
  readonly repeatable: boolean;
}

/**
 * The request of one call. A change is given a request id where the caller gave none, so that repeating it is safe, and the reason if
 * it has none of its own. The caller's own message stays as it is.
 */
export function intentOf(method: DescMethod, input: MessageInitShape<DescMessage>, reason: string | undefined): Intent {
  const given = create(method.input, input);
  // A read may have fields of these names too, as something to look for.
  if (method.idempotency === Idempotency.NO_SIDE_EFFECTS) return { message: given, requestId: undefined, repeatable: true };
  const idField = textField(method.input, 'request_id');
  const reasonField = textField(method.input, 'reason');
  if (!idField) return { message: given, requestId: undefined, repeatable: false };
  const message = clone(method.input, given);
  const fields = reflect(method.input, message);
  if (fields.get(idField) === '') fields.set(idField, crypto.randomUUID());
  if (reasonField && reason !== undefined && fields.get(reasonField) === '') fields.set(reasonField, reason);
  return { message, requestId: String(fields.get(idField)), repeatable: true };
}

function textField(schema: DescMessage, name: string): (DescField & { fieldKind: 'scalar' }) | undefined {
  const field = schema.fields.find((each) => each.name === name);
  return field?.fieldKind === 'scalar' ? field : undefined;
}
