import type { DescField, DescMessage, DescMethod } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { tableOf } from './answer.ts';
import { shortName } from './methods.ts';

/** The fields of a method's request and answer, those of messages inside set in below them. */
export function describeMethod(method: DescMethod): string {
  const part = (title: string, schema: DescMessage) =>
    `${title}\n${schema.fields.length === 0 ? '  nothing' : tableOf(['  FIELD', 'TYPE'], rowsOf(schema, '  ', [schema.typeName]))}`;
  return [
    `${shortName(method)}${method.methodKind === 'unary' ? '' : ` (${method.methodKind.replace('_', ' ')})`}`,
    part('Request', method.input),
    part('Answer', method.output),
    `proto/ticketing/v1 says what each of them means.`,
  ].join('\n\n');
}

function rowsOf(schema: DescMessage, indent: string, within: readonly string[]): string[][] {
  return schema.fields.flatMap((field) => {
    const row = [`${indent}${field.name}`, typeOf(field)];
    const inner = field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message') ? field.message : undefined;
    const isOpen = inner && !inner.typeName.startsWith('google.') && !within.includes(inner.typeName);
    return isOpen ? [row, ...rowsOf(inner, `${indent}  `, [...within, inner.typeName])] : [row];
  });
}

function typeOf(field: DescField): string {
  if (field.fieldKind === 'list') return `list of ${elementOf(field.listKind === 'scalar' ? field.scalar : undefined, field.enum ?? field.message)}`;
  if (field.fieldKind === 'map') return `map of ${elementOf(field.mapKind === 'scalar' ? field.scalar : undefined, field.enum ?? field.message)}`;
  return elementOf(field.fieldKind === 'scalar' ? field.scalar : undefined, field.enum ?? field.message);
}

function elementOf(scalar: ScalarType | undefined, type: DescField['enum'] | DescField['message']): string {
  if (scalar !== undefined) return ScalarType[scalar].toLowerCase();
  if (type?.kind === 'enum') return type.values.map(({ name }) => name).join(' | ');
  return type?.name ?? '';
}
