import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { type FieldRules, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { FieldBehavior, field_behavior } from '../../gen/google/api/field_behavior_pb.ts';
import type { Contract } from '../../scripts/contract/read.ts';

export { readContract } from '../../scripts/contract/read.ts';

/** Whether the RPC changes nothing, by its name. */
export function isRead(method: DescMethod): boolean {
  return /^(Get|BatchGet|List|Diff|Explain|Simulate|Verify|Export|Wait)/.test(method.name);
}

export function fieldOf(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((each) => each.name === name);
}

export function behavioursOf(each: DescField): FieldBehavior[] {
  return getOption(each, field_behavior);
}

export function isOutput(each: DescField): boolean {
  return behavioursOf(each).includes(FieldBehavior.OUTPUT_ONLY);
}

export function rulesOf(each: DescField): FieldRules | undefined {
  return hasOption(each, fieldRules) ? getOption(each, fieldRules) : undefined;
}

/** The message that a field holds, alone, in a list or in a map; undefined for scalars and enums. */
export function messageOf(each: DescField): DescMessage | undefined {
  return each.message;
}

/** A field that a caller fills, with the names that lead to it from its request. */
export interface Input {
  readonly request: DescMessage;
  readonly path: readonly DescField[];
  readonly field: DescField;
}

/** Every field that callers fill, through all messages of ours inside the requests; not the output only ones. */
export function inputsOf(contract: Contract): Input[] {
  const within = (request: DescMessage, message: DescMessage, path: readonly DescField[]): Input[] =>
    message.fields
      .filter((each) => !isOutput(each))
      .flatMap((each) => {
        const here = { request, path: [...path, each], field: each };
        const inner = messageOf(each);
        return inner?.file.proto.package === 'ticketing.v1' ? [here, ...within(request, inner, here.path)] : [here];
      });
  return contract.methods.flatMap((method) => within(method.input, method.input, []));
}
