import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeWorkspace, root } from '../../scripts/contract/workspace.ts';

const workspace = makeWorkspace();
afterAll(() => workspace.remove());

function filesIn(folder: string): Record<string, string> {
  const names = globSync('**/*.ts', { cwd: folder }).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('the generated code', () => {
  it('is exactly what the contract generates now', () => {
    workspace.buf('generate');
    const fresh = filesIn(join(workspace.folder, 'gen'));
    const committed = filesIn(join(root, 'gen'));
    expect(Object.keys(committed), 'run `npm run generate`').toEqual(Object.keys(fresh));
    for (const [name, text] of Object.entries(fresh)) expect(committed[name] === text, `${name} is stale: run \`npm run generate\``).toBe(true);
  });

  it('comes with the details of errors, health and both reflections, and leaves validation to its package', () => {
    const names = Object.keys(filesIn(join(root, 'gen')));
    expect(names).toEqual(
      expect.arrayContaining([
        'google/rpc/error_details_pb.ts',
        'google/rpc/status_pb.ts',
        'grpc/health/v1/health_pb.ts',
        'grpc/reflection/v1/reflection_pb.ts',
        'grpc/reflection/v1alpha/reflection_pb.ts',
      ]),
    );
    expect(names.filter((name) => name.startsWith('buf/'))).toEqual([]);
  });
});
