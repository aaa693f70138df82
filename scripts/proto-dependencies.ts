import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { file_buf_validate_validate as validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { printProto } from './proto-text.ts';

const root = join(import.meta.dirname, '..');

/** Import path of each file → where an installed package keeps it. */
const copies: Readonly<Record<string, string>> = {
  'google/api/field_behavior.proto': 'google-gax/build/protos/google/api/field_behavior.proto',
  'google/rpc/code.proto': 'google-gax/build/protos/google/rpc/code.proto',
  'google/rpc/error_details.proto': 'google-gax/build/protos/google/rpc/error_details.proto',
  'google/rpc/status.proto': 'google-gax/build/protos/google/rpc/status.proto',
  'grpc/health/v1/health.proto': 'grpc-health-check/proto/health/v1/health.proto',
  'grpc/reflection/v1/reflection.proto': '@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto',
  'grpc/reflection/v1alpha/reflection.proto': '@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto',
};

/**
 * Writes the .proto files that the contract imports, and those of the gRPC services beside it, into
 * the folder `target`, from packages already installed: no network is needed. What the folder held
 * before is removed. `google/protobuf/*` is left out: it comes with buf itself.
 */
export function writeProtoDependencies(target: string): void {
  rmSync(target, { recursive: true, force: true });
  for (const [path, source] of Object.entries(copies)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(root, 'node_modules', source), join(target, path));
  }
  // No package ships the text of this one; its descriptor is in the package that enforces it.
  mkdirSync(join(target, 'buf/validate'), { recursive: true });
  writeFileSync(join(target, 'buf/validate/validate.proto'), printProto(validate));
}

if (import.meta.main) writeProtoDependencies(join(root, '.proto-deps'));
