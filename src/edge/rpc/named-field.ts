import type { Message } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { DomainError } from '../../foundation/errors.ts';
import type { Call } from './call.ts';

/** What a reason says is not there, as the fact that has its id. */
const MISSING: Readonly<Record<string, string>> = { TICKET_NOT_FOUND: 'ticket_id', AGENT_NOT_FOUND: 'agent_id', GROUP_NOT_FOUND: 'group_id' };

/**
 * The path of the field in which a request names what is not there, such as `ticket.group_id` or `to_agent_ids[2]`: the first field of ids that holds it. Undefined for
 * other failures, and when the request names it nowhere: by a condition, say, or in a stream.
 */
export function findNamedField({ reason, facts }: DomainError, { endpoint, request }: Pick<Call, 'endpoint' | 'request'>): string | undefined {
  const id = facts[MISSING[reason] ?? ''];
  return id === undefined || !request ? undefined : findId(reflect(endpoint.method.input, request as Message), id.toLowerCase());
}

function findId(message: ReflectMessage, id: string): string | undefined {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const holdsIds = /_ids?$/.test(field.name);
    let found: string | undefined;
    if (field.fieldKind === 'scalar' && holdsIds) found = isId(message.get(field), id) ? '' : undefined;
    else if (field.fieldKind === 'message') found = inside(findId(message.get(field), id));
    else if (field.fieldKind === 'list') {
      for (const [at, item] of [...message.get(field)].entries()) {
        if (field.listKind === 'scalar' && holdsIds && isId(item, id)) found ??= `[${at}]`;
        if (field.listKind === 'message') found ??= prefixed(`[${at}]`, inside(findId(item as ReflectMessage, id)));
      }
    }
    if (found !== undefined) return `${field.name}${found}`;
  }
  return undefined;
}

// Ids of groups and tickets are taken in either case, and told in lower case.
const isId = (value: unknown, id: string): boolean => typeof value === 'string' && value.toLowerCase() === id;
const inside = (path: string | undefined): string | undefined => prefixed('.', path);
const prefixed = (prefix: string, path: string | undefined): string | undefined => (path === undefined ? undefined : `${prefix}${path}`);
