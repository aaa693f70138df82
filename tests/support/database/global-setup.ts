import type { TestProject } from 'vitest/node';
import { openTestServer } from './server.ts';
import { buildTemplate, dropRun } from './template.ts';

/** Before all tests: one server with a migrated template. The function it answers takes everything away again. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await openTestServer(process.env.DOCKET_TEST_DATABASE_URL);
  try {
    const run = await buildTemplate(server.adminUrl);
    project.provide('testRun', run);
    return () => dropRun(run).finally(() => server.close());
  } catch (cause) {
    await server.close();
    throw cause;
  }
}
