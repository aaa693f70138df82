import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { permission, RoleSchema } from '../../gen/ticketing/v1/options_pb.ts';
import type { Contract } from './read.ts';

/** Something that can go wrong, as error.proto states it. */
export interface Failure {
  readonly reason: string;
  /** A status of gRPC, such as `NOT_FOUND`. */
  readonly status: string;
  /** Which RPCs it can befall without being named there: `any RPC`, `any RPC that changes something`; empty: none. */
  readonly scope: string;
  readonly meaning: string;
}

/** Every failure of the contract, in its order. */
export function failuresOf(contract: Contract): Failure[] {
  const values = contract.enums.find((each) => each.name === 'ErrorReason')?.values.slice(1) ?? [];
  return values.map((value) => {
    const [, status = '', scope = '', meaning = ''] = /^([A-Z_]+)(?:, (any RPC[^.]*))?\. (.+)$/.exec(contract.commentOf(value)) ?? [];
    return { reason: value.name.replace('ERROR_REASON_', ''), status, scope, meaning };
  });
}

/** The reasons that the comment of an RPC names. */
export function reasonsOf(contract: Contract, method: DescMethod): string[] {
  return /Fails with: ([A-Z0-9_, ]+)\./.exec(contract.commentOf(method))?.[1]?.split(', ') ?? [];
}

/** Who may call an RPC at all, such as `admin`. */
export function rolesOf(method: DescMethod): string[] {
  return getOption(method, permission).roles.map((role) => (RoleSchema.value[role]?.name ?? '').replace('ROLE_', '').toLowerCase());
}
