import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Files that break one rule each, and what they import. */
const wrongs: Readonly<Record<string, readonly [rule: string, ...imports: string[]]>> = {
  'src/foundation/upward.ts': ['foundation-stands-alone', '../domain/groups/index.ts'],
  'src/foundation/contract.ts': ['foundation-stands-alone', '../../gen/group_pb.ts'],
  'src/domain/groups/upward.ts': ['domain-below-edge', '../../edge/server.ts'],
  'src/domain/groups/root.ts': ['domain-below-edge', '../../app.ts'],
  'src/domain/groups/higher.ts': ['ladder-groups', '../tickets/index.ts'],
  'src/domain/tickets/around.ts': ['domain-through-its-door', '../groups/upward.ts'],
  'src/domain/tickets/inside-out.ts': ['no-inner-use-of-the-door', './index.ts'],
  'src/domain/tickets/transport.ts': ['domain-without-transport', '@connectrpc/connect'],
  'src/domain/tickets/rules.ts': ['rules-are-pure', 'pg'],
  'src/domain/weather/new.ts': ['ladder-is-complete', '../../foundation/clock.ts'],
  'src/client/server.ts': ['client-stands-alone', '../edge/server.ts'],
  'src/client/database.ts': ['client-stands-alone', 'pg'],
  'src/client/http.ts': ['client-without-node', 'node:http2'],
  'src/client/in-node.ts': ['client-for-browsers-too', '@connectrpc/connect-node'],
  'src/edge/unlocked.ts': ['client-through-its-door', '../client/calling.ts'],
  'src/edge/root.ts': ['edge-below-root', '../app.ts'],
  'src/edge/around.ts': ['door-for-the-edge-too', '../domain/groups/upward.ts'],
  'src/edge/tested.ts': ['tests-are-leaves', '../../tests/support.ts'],
  'src/edge/scripted.ts': ['service-without-scripts', '../../scripts/make.ts'],
  'src/edge/developing.ts': ['service-without-dev-dependencies', 'fast-check'],
  'src/edge/chicken.ts': ['no-cycles', './egg.ts'],
  'src/edge/nowhere.ts': ['all-found', './nothing.ts'],
  'src/edge/alone.ts': ['no-orphans'],
};

/** Files that break no rule by themselves. */
const rights: Readonly<Record<string, readonly string[]>> = {
  'src/app.ts': ['./edge/server.ts'],
  'src/edge/server.ts': ['../domain/tickets/index.ts'],
  'src/edge/egg.ts': ['./chicken.ts'],
  'src/edge/caller.ts': ['../client/index.ts'],
  'src/client/index.ts': ['./docket-client.ts'],
  'src/client/docket-client.ts': ['./calling.ts', 'node:tls', '@connectrpc/connect-node'],
  'src/client/calling.ts': ['@connectrpc/connect', '../../gen/group_pb.ts'],
  'src/domain/groups/index.ts': ['../../foundation/clock.ts'],
  'src/domain/tickets/index.ts': ['../groups/index.ts', '../../../gen/group_pb.ts'],
  'src/foundation/clock.ts': ['pg'],
  'gen/group_pb.ts': ['@bufbuild/protobuf'],
  'tests/support.ts': ['../src/foundation/clock.ts'],
  'scripts/make.ts': ['../src/foundation/clock.ts'],
};

interface Report {
  readonly summary: { readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[] };
}

describe('the dependency rules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'docket-dependencies-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let found: [file: string, rule: string][];

  beforeAll(() => {
    const imports = [...Object.entries(wrongs).map(([path, [, ...paths]]) => [path, paths] as const), ...Object.entries(rights)];
    for (const [path, paths] of imports) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), paths.map((target, at) => `import * as _${at} from '${target}';\n`).join(''));
    }
    for (const name of ['package.json', '.dependency-cruiser.cjs']) cpSync(join(root, name), join(folder, name));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
    const args = ['--import', join(root, 'scripts/typescript-api.ts'), cruiser, '--output-type', 'json', 'src', 'scripts', 'tests'];
    const report = JSON.parse(execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })) as Report;
    found = report.summary.violations.map(({ from, rule }) => [from, rule.name]);
  });

  it.each(Object.entries(wrongs).map(([path, [rule]]) => [rule, path]))('it is an error to break %s: %s', (rule, path) => {
    expect(found).toContainEqual([path, rule]);
  });

  it('find no fault with what keeps them', () => {
    const right = Object.keys(rights).filter((path) => path !== 'src/edge/egg.ts');
    expect(found.filter(([path]) => right.includes(path))).toEqual([]);
  });
});
