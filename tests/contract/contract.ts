import {
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  getOption,
  hasOption,
  type Registry,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, type SourceCodeInfo_Location } from '@bufbuild/protobuf/wkt';
import { type FieldRules, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { FieldBehavior, field_behavior } from '../../gen/google/api/field_behavior_pb.ts';
import { makeWorkspace } from './workspace.ts';

/** The contract as its own .proto files state it, comments included (generated code keeps none at run time). */
export interface Contract {
  readonly registry: Registry;
  readonly files: readonly DescFile[];
  readonly services: readonly DescService[];
  readonly methods: readonly DescMethod[];
  readonly messages: readonly DescMessage[];
  readonly enums: readonly DescEnum[];
  /** The comment above a descriptor, as one line; empty when there is none. */
  commentOf(of: { toString(): string }): string;
}

export function readContract(): Contract {
  const workspace = makeWorkspace();
  try {
    const set = fromBinary(FileDescriptorSetSchema, workspace.buf('build', '--as-file-descriptor-set', '-o', '-'));
    const registry = createFileRegistry(set);
    const files = [...registry.files].filter((file) => file.proto.package === 'ticketing.v1');
    const comments = new Map(files.flatMap((file) => commentsOf(file)));
    const services = files.flatMap((file) => file.services);
    return {
      registry,
      files,
      services,
      methods: services.flatMap((service) => service.methods),
      messages: files.flatMap((file) => file.messages),
      enums: files.flatMap((file) => file.enums),
      commentOf: (of) => comments.get(of.toString()) ?? '',
    };
  } finally {
    workspace.remove();
  }
}

function commentsOf(file: DescFile): [name: string, comment: string][] {
  const at = new Map((file.proto.sourceCodeInfo?.location ?? []).map((location) => [location.path.join('.'), location]));
  const entry = (of: { toString(): string }, ...path: number[]): [string, string] => [of.toString(), textOf(at.get(path.join('.')))];
  // Numbers of the fields of FileDescriptorProto and its children: 4 messages, 5 enums, 6 services; 2 their members.
  return [
    ...file.messages.flatMap((message, i) => [entry(message, 4, i), ...message.fields.map((each, j) => entry(each, 4, i, 2, j))]),
    ...file.enums.flatMap((one, i) => [entry(one, 5, i), ...one.values.map((each, j) => entry(each, 5, i, 2, j))]),
    ...file.services.flatMap((service, i) => [entry(service, 6, i), ...service.methods.map((each, j) => entry(each, 6, i, 2, j))]),
  ];
}

function textOf(location: SourceCodeInfo_Location | undefined): string {
  return (location?.leadingComments ?? '').replaceAll(/\s+/g, ' ').trim();
}

/** Whether the RPC changes nothing, by its name. */
export function isRead(method: DescMethod): boolean {
  return /^(Get|BatchGet|List|Diff|Explain|Simulate|Verify|Export)/.test(method.name);
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
