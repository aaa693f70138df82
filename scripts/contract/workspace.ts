import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { writeProtoDependencies } from '../proto-dependencies.ts';

export const root = join(import.meta.dirname, '../..');

/** A copy of the contract and of what it imports, in a temporary folder, so that those who work there never meet. */
export interface Workspace {
  readonly folder: string;
  /** Runs buf in the folder and answers what it printed; throws with its complaints if it fails. */
  buf(...args: string[]): Buffer;
  remove(): void;
}

export function makeWorkspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'docket-contract-'));
  for (const name of ['buf.yaml', 'buf.gen.yaml', 'proto']) cpSync(join(root, name), join(folder, name), { recursive: true });
  writeProtoDependencies(join(folder, '.proto-deps'));
  const bin = join(root, 'node_modules/.bin');
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}`, BUF_CACHE_DIR: join(folder, '.cache') };
  return {
    folder,
    buf: (...args) => runBuf(join(bin, 'buf'), args, folder, env),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function runBuf(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Buffer {
  try {
    return execFileSync(command, args, { cwd, env, stdio: 'pipe', maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    throw new Error(`buf ${args[0]}: ${stdout ?? ''}${stderr ?? ''}${stdout ? '' : String(error)}`);
  }
}
