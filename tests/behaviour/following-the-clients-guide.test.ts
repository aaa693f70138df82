import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { chapterOf, chapters, expectedFor, follow, type Place, root } from '../clients/guide.ts';
import { startBrowser } from '../support/edge/browser.ts';
import { type Service, startService } from '../support/service.ts';

/** In place of `npm install`: the packages are there already, and a registry may not be. */
const prelude = `
npm() {
  if [ "$1" != install ]; then command npm "$@"; return; fi
  mkdir -p node_modules
  ln -sfn $DOCKET/node_modules/.bin $DOCKET/node_modules/@* $DOCKET/node_modules/[a-z]* node_modules/
  for each in "$@"; do
    case $each in *.tgz) mkdir -p node_modules/docket-client && tar -xzf $each -C node_modules/docket-client --strip-components=1 ;; esac
  done
}`;

const folder = mkdtempSync(join(tmpdir(), 'docket-guide-'));
let service: Service;
let site: Server;
let origin: string;

beforeAll(async () => {
  site = createServer(({ url }, response) => {
    const path = url === '/' ? 'index.html' : (url ?? '').slice(1);
    response.writeHead(200, { 'content-type': extname(path) === '.js' ? 'text/javascript' : 'text/html' });
    response.end(readFileSync(join(folder, 'connect-web/dist', path)));
  });
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  service = await startService({ DOCKET_CORS_ORIGINS: origin });
  await follow(chapterOf('Before you begin'), await placeOf('FIRST'));
});
afterAll(async () => {
  await service.close();
  site.closeAllConnections();
  site.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A group of its own, and the token of a program. */
async function placeOf(groupKey: string): Promise<Place> {
  const { group } = await service.call(GroupService.method.createGroup, { group: { key: groupKey } }, await service.person('chief', ['admin']));
  const token = (await service.program({ name: groupKey, roles: ['service'] })).replace('Bearer ', '');
  return { folder, token, address: `127.0.0.1:${service.app.server.grpcPort}`, groupId: group?.groupId ?? '' };
}

// A compiler, a bundler and a browser have to run.
describe('the guide for clients, followed word by word,', { timeout: 180_000 }, () => {
  it('leads to what it says in TypeScript on Node, and its types hold', async () => {
    const printed = await follow(chapterOf('TypeScript on Node'), await placeOf('TS'), prelude);
    expect(printed).toContain(expectedFor('TS'));
    const options = '--noEmit --strict --module nodenext --target es2024 --lib es2024,dom,esnext.disposable --types node --typeRoots node_modules/@types';
    execFileSync(join(root, 'node_modules/.bin/tsc'), [...options.split(' '), 'example.ts'], { cwd: join(folder, 'typescript'), stdio: 'pipe' });
  });

  it('leads to what it says with grpc-js', async () => {
    const printed = await follow(chapterOf('grpc-js'), await placeOf('JS'), prelude);
    expect(printed).toContain(expectedFor('JS'));
  });

  it('leads to what it says with Connect-Web, in a browser', async () => {
    const place = await placeOf('WEB');
    await follow(chapterOf('Connect-Web'), place, prelude);
    const { browser, close } = await startBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(`${origin}/#${new URLSearchParams({ token: place.token, group: place.groupId, address: service.url })}`);
      await page.waitForFunction(`document.querySelector('#lines')?.textContent.endsWith('done\\n')`);
      expect(await page.textContent('#lines')).toBe(`${expectedFor('WEB')}done\n`);
    } finally {
      await close();
    }
  });
});

describe('the guide for clients', () => {
  it('shows every example as it is in its file, and no other', () => {
    const shown = chapters.flatMap(({ commands, files }) => {
      const place = /docs\/clients\/([\w-]+)\//.exec(commands)?.[1];
      return [...files].map(([name, text]) => [`${place}/${name}`, text]);
    });
    const kept = globSync('*/*.*', { cwd: join(root, 'docs/clients') }).map((path) => [path, readFileSync(join(root, 'docs/clients', path), 'utf8')]);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(kept));
    expect(shown).toHaveLength(kept.length);
  });
});
