import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/main.ts');
const PATIENCE_MS = 120_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docket-demo-'));
});
afterAll(async () => {
  for (const name of ['demo', 'demo-2']) {
    const cluster = await realpath(join(folder, name, 'cluster')).catch(() => undefined);
    if (cluster) await rm(cluster, { recursive: true, force: true });
  }
  await rm(folder, { recursive: true, force: true });
});

/** Starts the demo as `npm run demo` does, with a data directory of its own. */
function startDemo(settings: Readonly<Record<string, string>> = {}) {
  const environment = { ...process.env, DOCKET_DATA_DIRECTORY: folder, DOCKET_GRPC_PORT: '0', DOCKET_CONNECT_PORT: '0', DOCKET_METRICS_PORT: '0', ...settings };
  const child = spawn(process.execPath, [main, 'demo'], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const demo = { said: '', bar: '', ended: once(child, 'exit').then(([code, signal]) => code ?? signal), stop: () => child.kill('SIGINT') };
  // A test that fails must leave no service and no PostgreSQL behind.
  onTestFinished(async () => {
    demo.stop();
    await demo.ended;
  });
  child.stdout.on('data', (text) => (demo.said += text));
  child.stderr.on('data', (text) => (demo.bar += text));
  const says = (words: string) => vi.waitFor(() => expect(demo.said).toContain(words), { timeout: PATIENCE_MS, interval: 100 });
  return { ...demo, says, text: () => demo.said, bar: () => demo.bar };
}

/** Whether a PostgreSQL still serves the demo's data. */
async function postgresRuns(): Promise<boolean> {
  const cluster = await realpath(join(folder, 'demo/cluster'));
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout.includes(cluster);
}

it(
  'goes from nothing to a service with real incidents, shows what it does, answers the lines that it prints, and ends with Ctrl-C',
  async () => {
    const demo = startDemo();
    await demo.says('Ctrl-C stops it.');
    const text = demo.text();
    expect(text).toContain('It begins anew: what an earlier one left is removed.');
    expect(text).toContain('6 groups, 44 agents, 300 tickets');
    expect(text).toMatch(/G24 +50 tickets, 5 members, 3 of them in other groups too\n +given here( +\d+){5}\n +in all( +\d+){5}\n/);
    expect(text).toMatch(/was given to resolver-\d+ when it was created\. Of \d+ who could take it/);
    expect(text).toMatch(/resolver-\d+ of G\d+.* goes away with \d+ pending tickets/);
    expect(demo.bar()).toContain('300/300');
    // One JSON line would show that the log is not in its file.
    expect(text + demo.bar()).not.toContain('{"level"');
    expect(readFileSync(join(folder, 'demo/demo.log'), 'utf8')).toContain('"msg":"serving"');

    const pasted = text.split('\n').filter((line) => /^(npx buf )?curl /.test(line));
    expect(pasted).toHaveLength(5);
    const answers = await Promise.all(pasted.map((line) => promisify(execFile)('/bin/sh', ['-c', line], { cwd: root })));
    expect(answers[0]?.stdout).toContain('"key": "G24"');
    expect(answers[2]?.stdout).toContain('Cannot log in');
    expect(answers[3]?.stdout).toContain('was given to');

    demo.stop();
    expect(await demo.ended).toBe(0);
    expect(demo.text()).toContain('Stopping.');
    expect(await postgresRuns()).toBe(false);
  },
  PATIENCE_MS,
);

it(
  'begins anew when it is run again, takes other ports when its own are taken, and can be stopped half way',
  async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const demo = startDemo({ DOCKET_GRPC_PORT: String(port) });
    await demo.says('come in through the public RPCs');
    expect(demo.text()).toContain(`(${port} is taken by another program)`);
    demo.stop();
    expect(await demo.ended).toBe(0);
    expect(await postgresRuns()).toBe(false);
    taken.close();
  },
  PATIENCE_MS,
);
