import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { checkpointLine, readCheckpoint, type Seal } from '../../domain/audit/index.ts';
import type { Config } from '../../foundation/config/index.ts';

/** Checkpoints that are read back from the end of the file at most: as many minutes make ten weeks. */
const READ_BACK = 100_000;

/** Signed seals on record outside the database, a line each, only ever added to. */
export class CheckpointFile {
  readonly path: string;
  #newest: Seal | undefined;

  constructor(config: Config) {
    this.path = resolve(config.auditCheckpointFile ?? join(config.dataDirectory, 'audit-checkpoints.ndjson'));
  }

  /** The newest one, of those that were read or written. */
  get newest(): Seal | undefined {
    return this.#newest;
  }

  /** Those on record, oldest first. Half a line, as a crash may leave it, and lines that are no checkpoints are passed over. */
  async read(): Promise<readonly Seal[]> {
    const seals: Seal[] = [];
    for (const line of (await this.#text()).split('\n').slice(-READ_BACK)) {
      try {
        seals.push(readCheckpoint(line));
      } catch {
        // Whoever spoils a line here only takes away what it could have shown.
      }
    }
    for (const seal of seals) this.#see(seal);
    return seals;
  }

  /** Adds one; it is on the disk when this resolves. */
  async add(seal: Seal): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await appendFile(this.path, `${(await this.#endsInLine()) ? '\n' : ''}${checkpointLine(seal)}\n`, { mode: 0o644, flush: true });
    this.#see(seal);
  }

  #see(seal: Seal): void {
    const { epoch, seal: number } = seal.header;
    const known = this.#newest?.header;
    if (!known || epoch > known.epoch || (epoch === known.epoch && number > known.seal)) this.#newest = seal;
  }

  /** Whether a crash left half a line at the end. */
  async #endsInLine(): Promise<boolean> {
    const file = await open(this.path, 'a+');
    try {
      const { size } = await file.stat();
      if (size === 0) return false;
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      return buffer[0] !== '\n'.charCodeAt(0);
    } finally {
      await file.close();
    }
  }

  async #text(): Promise<string> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  }
}
