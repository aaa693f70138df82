import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DescFile } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { root, sources } from './sources.ts';

const hyphened = (name: string): string => name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, '-$&').toLowerCase();

const files: DescFile[] = [];
for (const { path } of sources('gen/ticketing/v1/*_service_pb.ts')) {
  const exported = Object.values((await import(join(root, path))) as Record<string, unknown>);
  files.push(...exported.filter((each): each is DescFile => (each as DescFile).kind === 'file'));
}
const methods = files.flatMap((file) => file.services).flatMap((service) => service.methods);
const testOf = ({ parent, name }: (typeof methods)[number]): string => `tests/rpc/${hyphened(parent.name)}/${hyphened(name)}.test.ts`;

describe('every RPC', () => {
  it('is known to this test', () => {
    expect(methods.length).toBeGreaterThanOrEqual(29);
  });

  it.each(methods.map((method) => [method.toString().replace('rpc ', ''), testOf(method)]))('%s has %s', (_method, path) => {
    expect(existsSync(join(root, path))).toBe(true);
  });
});

describe('the folder tests/rpc', () => {
  it('has tests of RPCs that exist, and nothing else', () => {
    const known = new Set(methods.map(testOf));
    expect(
      sources('tests/rpc/**/*.ts')
        .map(({ path }) => path)
        .filter((path) => !known.has(path)),
    ).toEqual([]);
  });
});
