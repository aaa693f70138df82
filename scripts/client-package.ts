import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Where the package is written to unless told otherwise. */
const FOLDER = join(root, 'dist');

/** What the compiled client imports. */
const libraries = ['@bufbuild/protobuf', '@bufbuild/protovalidate', '@connectrpc/connect', '@connectrpc/connect-node'];

/** Compiles the TypeScript client and the generated code that it needs to JavaScript with types, packed for `npm install FILE`; answers the path of the file. */
export function writeClientPackage(folder: string): string {
  const stage = mkdtempSync(join(tmpdir(), 'docket-client-'));
  try {
    compile(stage);
    const ours = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string; dependencies: Record<string, string> };
    const manifest = {
      name: 'docket-client',
      version: ours.version,
      description: 'A client of Docket, the ticket-assignment service',
      type: 'module',
      engines: { node: '>=20' },
      exports: {
        '.': './src/client/index.js',
        './over-transport': './src/client/over-transport.js',
        './failures': './src/client/failures.js',
        './gen/*': './gen/*',
      },
      files: ['src', 'gen'],
      dependencies: Object.fromEntries(libraries.map((name) => [name, `^${ours.dependencies[name]}`])),
    };
    writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
    cpSync(join(root, 'src/client/README.md'), join(stage, 'README.md'));
    mkdirSync(folder, { recursive: true });
    const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: stage, encoding: 'utf8', stdio: 'pipe' })) as {
      filename: string;
    }[];
    if (!packed) throw new Error('npm packed nothing');
    return join(folder, packed.filename);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function compile(target: string): void {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: root,
      outDir: target,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files: [join(root, 'src/client/index.ts')],
    include: [],
  };
  const file = join(target, 'tsconfig.json');
  writeFileSync(file, JSON.stringify(config));
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', file], { cwd: root, stdio: 'pipe' });
  rmSync(file);
}

if (import.meta.main) console.log(`dist/${basename(writeClientPackage(FOLDER))}`);
