import { lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname } from 'node:path';

/**
 * Keeps the compiled form of what is loaded from now on in a folder, so that the next start neither strips types nor
 * compiles again. What lies there is run, so it is used only when nobody but this user can write to it. That it cannot be
 * had is no fault: then everything is compiled at each start.
 */
export function keepCompiledCode(folder: string): void {
  try {
    mkdirSync(dirname(folder), { recursive: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) enableCompileCache(folder);
  } catch {
    // Installed by somebody else, for instance, or on a read-only disk.
  }
}
