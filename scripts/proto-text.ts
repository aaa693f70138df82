import { createRegistry, type DescFile, type JsonObject, type JsonValue, type Registry, toJson } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type DescriptorProto_ExtensionRange,
  type DescriptorProto_ReservedRange,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldOptionsSchema,
  FileOptionsSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

const MAX_FIELD_NUMBER = 536_870_911;

/**
 * The .proto text of a proto2 file, complete enough to compile to the same descriptor.
 *
 * It prints what the files we need contain: messages, oneofs, enums, extensions, extension ranges,
 * reservations, and options of files and fields (custom ones too, when the file defines them).
 * Throws on anything else rather than leave it out in silence.
 */
export function printProto(file: DescFile): string {
  const proto = file.proto;
  refuse('services', proto.service.length);
  refuse(`syntax ${proto.syntax}`, proto.syntax !== '' && proto.syntax !== 'proto2');
  const registry = createRegistry(file);
  const fileOptions = proto.options ? optionsOf(toJson(FileOptionsSchema, proto.options, asProto)) : [];
  return [
    'syntax = "proto2";',
    `package ${proto.package};`,
    ...proto.dependency.map((path) => `import ${JSON.stringify(path)};`),
    ...fileOptions.map(([name, value]) => `option ${name} = ${value};`),
    ...proto.extension.map((field) => `extend ${field.extendee} { ${printField(registry, field, true)} }`),
    ...proto.messageType.map((message) => printMessage(registry, message)),
    ...proto.enumType.map((each) => printEnum(each)),
    '',
  ].join('\n');
}

const asProto = { useProtoFieldName: true } as const;

function printMessage(registry: Registry, message: DescriptorProto): string {
  refuse(`message options of ${message.name}`, message.options !== undefined);
  refuse(`nested types in ${message.name}`, message.nestedType.length + message.enumType.length);
  refuse(`nested extensions in ${message.name}`, message.extension.length);
  const plain = message.field.filter((field) => !isSet(field));
  const oneofs = message.oneofDecl.map((oneof, index) => {
    const members = message.field.filter((field) => isSet(field) && field.oneofIndex === index);
    return `oneof ${oneof.name} {\n${members.map((field) => printField(registry, field, false)).join('\n')}\n}`;
  });
  return [
    `message ${message.name} {`,
    ...plain.map((field) => printField(registry, field, true)),
    ...oneofs,
    ...message.extensionRange.map((range) => `extensions ${printRange(range, 1)};`),
    ...printReserved(message.reservedRange, message.reservedName, 1),
    '}',
  ].join('\n');
}

function printField(registry: Registry, field: FieldDescriptorProto, withLabel: boolean): string {
  refuse(`default of ${field.name}`, field.defaultValue !== '');
  refuse(`group ${field.name}`, field.type === Type.GROUP);
  const label = withLabel ? `${Label[field.label].toLowerCase()} ` : '';
  const type = field.typeName === '' ? Type[field.type].toLowerCase() : field.typeName;
  const options = field.options ? optionsOf(toJson(FieldOptionsSchema, field.options, { ...asProto, registry })) : [];
  const bracketed = options.map(([name, value]) => `${name} = ${value}`).join(', ');
  return `${label}${type} ${field.name} = ${field.number}${bracketed === '' ? '' : ` [${bracketed}]`};`;
}

function printEnum(each: EnumDescriptorProto): string {
  refuse(`enum options of ${each.name}`, each.options !== undefined);
  const values = each.value.map((value) => `${value.name} = ${value.number};`);
  // The end of an enum's reserved range belongs to the range; the end of a message's does not.
  return [`enum ${each.name} {`, ...values, ...printReserved(each.reservedRange, each.reservedName, 0), '}'].join('\n');
}

function printReserved(ranges: readonly Pick<DescriptorProto_ReservedRange, 'start' | 'end'>[], names: readonly string[], beyond: number): string[] {
  const numbers = ranges.map((range) => `reserved ${printRange(range, beyond)};`);
  return names.length === 0 ? numbers : [...numbers, `reserved ${names.map((name) => JSON.stringify(name)).join(', ')};`];
}

function printRange(range: Pick<DescriptorProto_ExtensionRange, 'start' | 'end'>, beyond: number): string {
  const last = range.end - beyond;
  return last >= MAX_FIELD_NUMBER ? `${range.start} to max` : `${range.start} to ${last}`;
}

/** Option names (in parentheses when custom) with their values in text format. */
function optionsOf(json: JsonValue): [name: string, value: string][] {
  return Object.entries(json as JsonObject).map(([key, value]) => [key.replace(/^\[(.*)\]$/, '($1)'), printValue(value)]);
}

function printValue(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  refuse('a list that is no field of a message', Array.isArray(value));
  // A repeated field is written once per item: not every parser knows lists of messages.
  const items = Object.entries(value).flatMap(([key, each]) => [each].flat().map((item) => `${key}: ${printValue(item)}`));
  return `{ ${items.join(', ')} }`;
}

/** Whether the field says which oneof it belongs to (0, the first, is also the default of an absent index). */
function isSet(field: FieldDescriptorProto): boolean {
  return Object.hasOwn(field, 'oneofIndex');
}

function refuse(what: string, present: boolean | number): void {
  if (present) throw new Error(`printProto cannot print ${what}`);
}
