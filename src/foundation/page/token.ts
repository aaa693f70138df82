import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { toJson } from '@bufbuild/protobuf';
import { DomainError } from '../errors.ts';
import type { Position } from './keyset.ts';
import type { Order } from './order.ts';
import { orderText } from './order.ts';

/** What a page token is valid for; the same token with anything else is refused. */
export interface PageBinding {
  /** Who asks: the actor of the call. */
  readonly caller: string;
  /** Fully qualified method. */
  readonly rpc: string;
  /** Hash of every other argument: see `argumentsHash`. */
  readonly argumentsHash: Uint8Array;
  readonly order: Order;
}

const VERSION = 1;
const MAC_BYTES = 32;
const MIN_KEY_BYTES = 32;
const MAX_TOKEN_LENGTH = 8192;

/**
 * The page token was not issued by this deployment, or for another caller, method, order or other
 * arguments. Reaches the caller as INVALID_ARGUMENT with reason PAGE_TOKEN_INVALID.
 */
export class PageTokenError extends DomainError {
  constructor(field: 'page_token' | 'resume_token' = 'page_token') {
    const description = 'the token does not belong to this request: repeat the request that returned it with all other fields unchanged';
    super('invalid_argument', 'PAGE_TOKEN_INVALID', `${field}: ${description}`, {
      violations: [{ field, description }],
      facts: { field },
    });
  }
}

/**
 * SHA-256 over all arguments of a list request but `page_token` and `page_size`; equal requests have
 * equal hashes, whatever the order of their map keys. The page size may change from page to page.
 */
export function argumentsHash<Desc extends DescMessage>(schema: Desc, request: Message & { $typeName: Desc['typeName'] }): Uint8Array {
  const json = toJson(schema, request as Parameters<typeof toJson<Desc>>[1], { useProtoFieldName: true });
  const { page_token: _token, page_size: _size, ...rest } = json as Record<string, unknown>;
  return createHash('sha256').update(canonical(rest)).digest();
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}

/** An opaque text that leads to what follows the position. The key has at least 32 bytes and is the same on every instance. */
export function encodePageToken(key: Uint8Array, binding: PageBinding, position: Position): string {
  const payload = Buffer.concat([Buffer.of(VERSION), Buffer.from(JSON.stringify(position))]);
  return Buffer.concat([sign(key, binding, payload), payload]).toString('base64url');
}

/** The position in a token; throws PageTokenError unless it was issued under the same key for the same binding. */
export function decodePageToken(key: Uint8Array, binding: PageBinding, token: string): Position {
  // Node's decoder skips what is not base64url; only the one true spelling is accepted.
  if (token.length > MAX_TOKEN_LENGTH || !/^[A-Za-z0-9_-]+$/.test(token)) throw new PageTokenError();
  const bytes = Buffer.from(token, 'base64url');
  const payload = bytes.subarray(MAC_BYTES);
  if (bytes.toString('base64url') !== token || payload[0] !== VERSION) throw new PageTokenError();
  if (!timingSafeEqual(bytes.subarray(0, MAC_BYTES), sign(key, binding, payload))) throw new PageTokenError();
  return JSON.parse(payload.subarray(1).toString()) as Position;
}

function sign(key: Uint8Array, binding: PageBinding, payload: Uint8Array): Buffer {
  if (key.length < MIN_KEY_BYTES) throw new Error(`the key of page tokens has at least ${MIN_KEY_BYTES} bytes`);
  const bound = JSON.stringify(['page token', binding.caller, binding.rpc, Buffer.from(binding.argumentsHash).toString('hex'), orderText(binding.order)]);
  // The length keeps the two parts apart.
  return createHmac('sha256', key).update(`${bound.length}:${bound}`).update(payload).digest();
}
