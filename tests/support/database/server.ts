import { randomBytes } from 'node:crypto';
import { readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedServer } from '../../../src/foundation/database/embedded/index.ts';
import { stopPostmaster } from '../../../src/foundation/database/embedded/postmaster.ts';
import { isAlive } from '../../../src/foundation/database/embedded/process.ts';

/** The server that the tests of one run share. */
export interface TestServer {
  readonly adminUrl: string;
  close(): Promise<void>;
}

/**
 * The server of DOCKET_TEST_DATABASE_URL when that is set (its role must be allowed to make databases
 * and roles), else an embedded one that is gone with the run, and whose data a power cut would lose.
 */
export async function openTestServer(givenUrl: string | undefined): Promise<TestServer> {
  if (givenUrl) return { adminUrl: givenUrl, close: async () => undefined };
  await removeAbandoned();
  // Left to the server to make: a folder of mkdtemp would be closed to the user that PostgreSQL runs as.
  const dataDirectory = join(tmpdir(), `docket-test-${process.pid}-${randomBytes(4).toString('hex')}`);
  const server = await startEmbeddedServer({ dataDirectory, ephemeral: true, fastForTests: true });
  return { adminUrl: server.url, close: () => server.close() };
}

/** Runs that were killed leave a server and its directory behind. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const maker = Number(/^docket-test-(\d+)-/.exec(name)?.[1]);
    if (!(maker > 0) || isAlive(maker)) continue;
    const home = join(tmpdir(), name);
    const cluster = await realpath(join(home, 'cluster')).catch(() => home);
    // Another user's leftovers are his to clean; they do not concern this run.
    await stopPostmaster(cluster, 'immediate').catch(() => undefined);
    await rm(cluster, { recursive: true, force: true }).catch(() => undefined);
    await rm(home, { recursive: true, force: true }).catch(() => undefined);
  }
}
