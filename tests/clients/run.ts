// `npm run check:clients [Python] [Go] [Java]`: follows these chapters of docs/clients.md, against a service of its own. It needs what they say must be
// installed, and says what is missing; the chapters for Node and browsers are followed by the tests.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createDocketClient } from '../../src/client/index.ts';
import { chapterOf, expectedFor, follow, root } from './guide.ts';

/** What each chapter cannot do without. */
const tools: Readonly<Record<string, string>> = {
  Python: 'which protoc grpc_python_plugin && /usr/bin/python3 -c "import grpc, google.protobuf"',
  Go: 'which protoc protoc-gen-go protoc-gen-go-grpc go && ls -d /usr/share/gocode/src/google.golang.org/grpc',
  Java: 'which protoc grpc_java_plugin javac java && ls /usr/share/java/grpc-netty.jar',
};

const isThere = (check: string): boolean => {
  try {
    execFileSync('bash', ['-c', check], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in tools));
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: write ${Object.keys(tools).join(', ')}`);
const folder = mkdtempSync(join(tmpdir(), 'docket-clients-'));
const [grpcPort, connectPort, metricsPort] = await Promise.all([freePort(), freePort(), freePort()]);
const service = spawn(process.execPath, ['src/main.ts', 'serve'], {
  cwd: root,
  env: {
    ...process.env,
    DATABASE_URL: '',
    DOCKET_DATA_DIRECTORY: join(folder, 'data'),
    DOCKET_GRPC_PORT: String(grpcPort),
    DOCKET_CONNECT_PORT: String(connectPort),
    DOCKET_METRICS_PORT: String(metricsPort),
  },
  stdio: ['ignore', 'ignore', 'pipe'],
});
const ended = new Promise((resolve) => service.once('exit', resolve));
try {
  // What the service prints at its first start ends with lines to paste.
  await new Promise<void>((ready) => createInterface(service.stderr).on('line', (line) => void (line.startsWith('curl ') && ready())));
  const token = readFileSync(join(folder, 'data/administrator-token'), 'utf8').trim();
  const client = createDocketClient({ baseUrl: `http://127.0.0.1:${grpcPort}`, token });
  await follow(chapterOf('Before you begin'), { folder, address: '', token: '', groupId: '' });
  for (const name of named.length > 0 ? named : Object.keys(tools)) {
    const chapter = chapterOf(name);
    if (!isThere(tools[name] ?? '')) {
      console.log(`${name}: not tried, since its tools are not all there: ${chapter.install}`);
      process.exitCode = 1;
      continue;
    }
    const key = name.toUpperCase();
    const { group } = await client.groups.createGroup({ group: { key, name } });
    const printed = await follow(chapter, { folder, address: `127.0.0.1:${grpcPort}`, token, groupId: group?.groupId ?? '' });
    const well = printed.endsWith(expectedFor(key));
    console.log(`${name}: ${well ? 'well' : `not what the guide says:\n${printed}`}`);
    if (!well) process.exitCode = 1;
  }
  client.close();
} finally {
  service.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
