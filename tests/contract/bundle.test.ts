import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { extract } from 'tar';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/contract/workspace.ts';
import { writeContractBundle } from '../../scripts/contract-bundle.ts';
import { readContract } from './contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'docket-bundled-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is in a bundle made just now, unpacked where there is nothing else. */
const unpacked = (() => {
  const file = writeContractBundle(folder);
  mkdirSync(join(folder, 'empty'));
  extract({ file, cwd: join(folder, 'empty'), strip: 1, sync: true });
  return join(folder, 'empty');
})();

const namesIn = (set: FileDescriptorSet): string[] => set.file.map((file) => file.name).toSorted();

describe('the bundle of the contract', () => {
  const image = fromBinary(FileDescriptorSetSchema, readFileSync(join(unpacked, 'descriptor.binpb')));

  it('compiles by itself to the descriptors that come with it', () => {
    // Nothing but the folder: no network, no cache of modules.
    const env = { PATH: process.env['PATH'], HOME: folder, BUF_CACHE_DIR: join(folder, 'cache'), HTTPS_PROXY: 'http://127.0.0.1:9' };
    const args = ['build', '--as-file-descriptor-set', '-o', '-#format=binpb'];
    const built = execFileSync(join(root, 'node_modules/.bin/buf'), args, { cwd: unpacked, env, maxBuffer: 64 * 1024 * 1024, stdio: 'pipe' });
    const compiled = createFileRegistry(fromBinary(FileDescriptorSetSchema, built));
    const sent = createFileRegistry(image);
    for (const file of sent.files) {
      const { sourceCodeInfo: _, ...expected } = file.proto;
      const { sourceCodeInfo: __, ...found } = compiled.getFile(file.proto.name)?.proto ?? {};
      expect(found, file.proto.name).toEqual(expected);
    }
  });

  it('has every file of the contract and all that they import, and no other', () => {
    expect(globSync('**/*.proto', { cwd: unpacked }).toSorted()).toEqual(namesIn(image));
    const own = readContract().files.map((file) => file.proto.name);
    expect(namesIn(image)).toEqual(expect.arrayContaining(own));
    for (const { dependency } of image.file) expect(namesIn(image)).toEqual(expect.arrayContaining(dependency));
  });

  it('tells its comments to tools', () => {
    const service = image.file.find((file) => file.name === 'ticketing/v1/ticket_service.proto');
    expect(service?.sourceCodeInfo?.location.some(({ leadingComments }) => leadingComments.includes('Creates a ticket'))).toBe(true);
  });

  it('is the same whenever it is made', () => {
    const again = readFileSync(writeContractBundle(join(folder, 'again')));
    expect(again.equals(readFileSync(writeContractBundle(join(folder, 'once more'))))).toBe(true);
  });
});
