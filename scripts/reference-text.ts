import { type DescEnum, type DescField, type DescMessage, type DescMethod, type DescService, getOption, ScalarType } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency, FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt';
import { FieldBehavior, field_behavior } from '../gen/google/api/field_behavior_pb.ts';
import { failuresOf, rolesOf } from './contract/failures.ts';
import type { Contract } from './contract/read.ts';
import { messageRulesOf, mustBeSet, rulesOf, wordsOf } from './contract/rules.ts';

const behaviours: Partial<Record<FieldBehavior, string>> = {
  [FieldBehavior.REQUIRED]: 'required',
  [FieldBehavior.OUTPUT_ONLY]: 'output only',
  [FieldBehavior.IMMUTABLE]: 'given at creation',
  [FieldBehavior.IDENTIFIER]: 'identifier',
};

const streams: Readonly<Record<DescMethod['methodKind'], string>> = {
  unary: '',
  server_streaming: ' The answers come as a stream.',
  client_streaming: ' The requests go as a stream.',
  bidi_streaming: ' Requests and answers go as streams.',
};

/** On which page each part of the contract is. */
export class Places {
  readonly #services = new Map<string, DescService>();

  constructor(contract: Contract) {
    for (const { input, output, parent } of contract.methods) for (const message of [input, output]) this.#services.set(message.typeName, parent);
  }

  /** The page of a service, such as `ticket-service.md`. */
  pageOf(service: DescService): string {
    return `${service.name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.md`;
  }

  /** Where an RPC, a message or an enum is, from any page. */
  linkTo(of: DescMethod | DescMessage | DescEnum): string {
    const anchor = `#${of.name.toLowerCase()}`;
    if (of.kind === 'rpc') return this.pageOf(of.parent) + anchor;
    if (of.kind === 'enum') return of.name === 'ErrorReason' ? 'errors.md' : `enums.md${anchor}`;
    const service = this.#services.get(of.typeName);
    return (service ? this.pageOf(service) : 'messages.md') + anchor;
  }
}

/** Whether it is part of the contract, not of a library of messages. */
export const isOwn = (of: DescMessage | DescEnum): boolean => of.file.proto.package === 'ticketing.v1';

/** A name as code, and as a link where there is a page. */
export function nameOf(places: Places, of: DescMessage | DescEnum): string {
  return isOwn(of) ? `[${of.name}](${places.linkTo(of)})` : `\`${of.typeName}\``;
}

/** The chapter of an RPC: what it does, who may call it, how it fails, what it takes and answers. */
export function rpcText(contract: Contract, places: Places, method: DescMethod): string {
  const words = contract
    .paragraphsOf(method)
    .flatMap((text) => text.split(/ (?=Fails with: )/))
    .map((text) => linkReasons(contract, text));
  const repeat =
    method.idempotency === Idempotency.NO_SIDE_EFFECTS ? 'It changes nothing: repeating it is harmless.' : 'Repeating it under the same `request_id` is safe.';
  return [
    `## ${method.name}`,
    `\`POST /${method.parent.typeName}/${method.name}\``,
    ...words,
    `Roles: ${rolesOf(method).join(', ')}. ${repeat}${streams[method.methodKind]}`,
    messageText(contract, places, method.input, '###'),
    messageText(contract, places, method.output, '###'),
  ].join('\n\n');
}

/** The chapter of a message: what it is, its fields, the rules that join them. */
export function messageText(contract: Contract, places: Places, message: DescMessage, level: string): string {
  const rows = message.fields.map(
    (field) => `| \`${field.name}\` | ${typeText(places, field)} | ${traits(field)} | ${cell(contract.paragraphsOf(field).join(' '))} |`,
  );
  const oneofs = message.oneofs.map((one) => `${mustBeSet(one) ? 'Exactly' : 'At most'} one of ${one.fields.map(({ name }) => `\`${name}\``).join(', ')}.`);
  const rules = messageRulesOf(message).map((rule) => `${rule}.`);
  return [
    `${level} ${message.name}`,
    ...contract.paragraphsOf(message),
    ...(rows.length > 0 ? [['| field | type | rules | meaning |', '|---|---|---|---|', ...rows].join('\n')] : ['It has no fields.']),
    ...(oneofs.length + rules.length > 0 ? [[...oneofs, ...rules].map((text) => `- ${text}`).join('\n')] : []),
  ].join('\n\n');
}

/** The chapter of an enum: what it is, and its values. */
export function enumText(contract: Contract, one: DescEnum): string {
  const rows = one.values.map((value) => `| \`${value.name}\` | ${value.number} | ${cell(contract.commentOf(value))} |`);
  return [`## ${one.name}`, ...contract.paragraphsOf(one), ['| value | number | meaning |', '|---|---|---|', ...rows].join('\n')].join('\n\n');
}

function typeText(places: Places, field: DescField): string {
  if (field.fieldKind === 'map') return `map of ${ScalarType[field.mapKey].toLowerCase()} to ${partText(places, field)}`;
  return `${field.fieldKind === 'list' ? 'list of ' : ''}${partText(places, field)}`;
}

function partText(places: Places, field: DescField): string {
  if (field.message) return nameOf(places, field.message);
  if (field.enum) return nameOf(places, field.enum);
  return field.scalar === undefined ? '' : ScalarType[field.scalar].toLowerCase();
}

function traits(field: DescField): string {
  const behaviour = getOption(field, field_behavior).flatMap((each) => behaviours[each] ?? []);
  const presence = field.presence === Presence.EXPLICIT && field.fieldKind !== 'message' && !field.oneof ? ['may be absent'] : [];
  return [...behaviour, ...presence, ...wordsOf(rulesOf(field) ?? {}).filter((word) => word !== '`defined_only`')].map(cell).join('; ');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function linkReasons(contract: Contract, text: string): string {
  if (!text.startsWith('Fails with: ')) return text;
  const known = new Set(failuresOf(contract).map(({ reason }) => reason));
  return text.replaceAll(/\b[A-Z][A-Z0-9_]+\b/g, (word) => (known.has(word) ? `[${word}](errors.md#${word.toLowerCase()})` : word));
}
