import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { file_buf_validate_validate as validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { afterAll, describe, expect, it } from 'vitest';
import { makeWorkspace, root } from '../../scripts/contract/workspace.ts';

const workspace = makeWorkspace();
afterAll(() => workspace.remove());
const imagePath = join(root, 'proto/image.binpb.gz');
const decisions = join(root, 'docs/decisions');

/** The hash in the newest decision note that holds one. */
function decidedHash(): string | undefined {
  const notes = readdirSync(decisions)
    .filter((name) => /^\d{4}-.+\.md$/.test(name))
    .toSorted()
    .reverse();
  const hashes = notes.map((name) => /^Contract image: sha256 ([0-9a-f]{64})$/m.exec(readFileSync(join(decisions, name), 'utf8'))?.[1]);
  return hashes.find((hash) => hash !== undefined);
}

describe('the contract', () => {
  it('passes the lint rules', () => {
    expect(workspace.buf('lint').toString()).toBe('');
  });

  it('breaks no caller of the contract in the committed image, on the wire or in JSON', () => {
    expect(workspace.buf('breaking', 'proto', '--against', imagePath).toString()).toBe('');
  });

  it('is compared with an image that a decision note has approved', () => {
    expect(createHash('sha256').update(readFileSync(imagePath)).digest('hex')).toBe(decidedHash());
  });

  it('would be refused with a field taken away', () => {
    const path = join(workspace.folder, 'proto/ticketing/v1/workload.proto');
    const text = readFileSync(path, 'utf8');
    try {
      writeFileSync(path, text.replace('int32 open_tickets = 2 ', 'int32 pending = 2 '));
      expect(() => workspace.buf('breaking', 'proto', '--against', imagePath)).toThrow(/workload\.proto.*open_tickets/);
    } finally {
      writeFileSync(path, text);
    }
  });
});

describe('the imported validation rules', () => {
  it('are printed as text that means the same as their descriptor', () => {
    const set = fromBinary(FileDescriptorSetSchema, workspace.buf('build', '--as-file-descriptor-set', '--exclude-source-info', '-o', '-'));
    const compiled = set.file.find((file) => file.name === validate.proto.name);
    expect(compiled && meaningOf(compiled)).toEqual(meaningOf(validate.proto));
  });
});

/** A file without what carries no meaning: the order of fields, and a syntax that is written or understood. */
function meaningOf(file: FileDescriptorProto): unknown {
  const messageType = file.messageType.map((message) => ({ ...message, field: message.field.toSorted((a, b) => a.number - b.number) }));
  const shown = toJson(FileDescriptorProtoSchema, { ...file, syntax: '', messageType });
  // JSON leaves unknown fields out, and the rules that the file attaches to its own fields are such.
  return [shown, messageType.map((message) => message.field.map((each) => each.options?.$unknown?.map(({ no, data }) => [no, Buffer.from(data).toString()])))];
}
