import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { create } from 'tar';
import { makeWorkspace, root } from './contract/workspace.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

/** Where the bundle is written to unless told otherwise. */
const FOLDER = join(root, 'dist');

const readme = `# The contract of Docket ${version}

Every .proto file of the contract and every one that it imports, so that this folder is all that a compiler needs:

    protoc -I . --python_out=../stubs ticketing/v1/*.proto google/api/field_behavior.proto google/rpc/*.proto buf/validate/validate.proto

\`descriptor.binpb\` is the same as a FileDescriptorSet, comments included, for tools that read one
(\`buf curl --schema descriptor.binpb …\`). Generate no code from google/protobuf: every language brings its own.
`;

/** Writes the contract, what it imports, and its descriptors as \`docket-contract-VERSION.tar.gz\` into the folder; answers the path of the file. */
export function writeContractBundle(folder: string): string {
  const workspace = makeWorkspace();
  const stage = mkdtempSync(join(tmpdir(), 'docket-bundle-'));
  const name = `docket-contract-${version}`;
  try {
    const image = ['--as-file-descriptor-set', '-o', '-#format=binpb'];
    const { file: files } = fromBinary(FileDescriptorSetSchema, workspace.buf('build', ...image));
    for (const { name: path } of files) {
      const target = join(stage, name, path);
      mkdirSync(dirname(target), { recursive: true });
      cpSync(sourceOf(path, workspace.folder), target);
    }
    // From the texts that go along: buf has another release of google/protobuf in it.
    writeFileSync(join(stage, name, 'descriptor.binpb'), workspace.buf('build', join(stage, name), ...image));
    writeFileSync(join(stage, name, 'README.md'), readme);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}.tar.gz`);
    // Nothing in it tells when and by whom it was made: the same contract makes the same bundle.
    create({ gzip: true, file, cwd: stage, portable: true, mtime: new Date(0), sync: true }, [name]);
    return file;
  } finally {
    workspace.remove();
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Where the text of a file is: ours, what it imports, or what compilers bring along. */
function sourceOf(path: string, workspace: string): string {
  const places = [join(workspace, 'proto'), join(workspace, '.proto-deps'), join(root, 'node_modules/google-gax/build/protos')];
  const found = places.map((place) => join(place, path)).find((file) => existsSync(file));
  if (!found) throw new Error(`no installed package has the text of ${path}`);
  return found;
}

if (import.meta.main) console.log(`dist/${basename(writeContractBundle(FOLDER))}`);
