import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Ended, docket as runDocket } from '../support/command.ts';
import { type Service, startService } from '../support/service.ts';

describe('docket profile', { timeout: 60_000 }, () => {
  let service: Service;
  let folder: string;
  let token: string;
  let address: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docket-profiles-'));
    service = await startService();
    token = (await service.program({ name: 'lead', roles: ['admin'] })).replace('Bearer ', '');
    address = `127.0.0.1:${service.app.server.grpcPort}`;
  });
  afterAll(async () => {
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });
  const file = () => join(folder, 'docket/profiles.yaml');
  beforeEach(() => rm(file(), { force: true }));
  const docket = (args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ended> =>
    runDocket(args, { env: { XDG_CONFIG_HOME: folder, DOCKET_DATA_DIRECTORY: folder, ...env }, input });

  it('keeps an address and a token, for its owner alone, and never shows the token', async () => {
    expect(await docket(['profile', 'set', 'here', '--address', address, '--token-stdin'], {}, `${token}\n`)).toMatchObject({ code: 0 });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await docket(['groups', 'list', '-o', 'json'])).toMatchObject({ code: 0, out: '[]\n' });
    for (const args of [
      ['profile', 'list'],
      ['profile', 'show', 'here'],
      ['groups', 'list', '--curl'],
    ]) {
      const { code, out, notes } = await docket(args);
      expect(code).toBe(0);
      expect(out + notes).not.toContain(token);
    }
    expect((await docket(['profile', 'list'])).out).toContain(address);
    await chmod(file(), 0o644);
    expect(await docket(['groups', 'list'])).toMatchObject({ code: 2, notes: expect.stringContaining(`chmod 600 ${file()}`) });
  });

  it('counts after the environment, which counts after options', async () => {
    await writeFile(join(folder, 'token'), token, { mode: 0o600 });
    await docket(['profile', 'set', 'good', '--address', address, '--token-file', relative(process.cwd(), join(folder, 'token'))]);
    await docket(['profile', 'set', 'bad', '--address', '127.0.0.1:1', '--token-file', join(folder, 'token'), '--default']);
    const list = ['groups', 'list', '-o', 'json'];
    expect((await docket(list)).code).toBe(3);
    expect((await docket([...list, '--profile', 'good'])).code).toBe(0);
    expect((await docket(list, { DOCKET_PROFILE: 'good' })).code).toBe(0);
    expect((await docket([...list, '--profile', 'bad'], { DOCKET_PROFILE: 'good' })).code).toBe(3);
    expect((await docket(list, { DOCKET_ADDRESS: address })).code).toBe(0);
    expect((await docket([...list, '--address', '127.0.0.1:1'], { DOCKET_ADDRESS: address })).code).toBe(3);
    expect((await docket([...list, '--profile', 'good'], { DOCKET_TOKEN: 'docket_wrong' })).code).toBe(1);
    expect(await docket([...list, '--profile', 'bald'])).toMatchObject({ code: 2, notes: expect.stringContaining('no profile "bald"; it has good, bad') });
  });

  it('finds files from its own folder, and reads what people wrote', async () => {
    await mkdir(join(folder, 'docket'), { recursive: true });
    await writeFile(join(folder, 'docket/its-token'), `${token}\n`, { mode: 0o600 });
    await writeFile(file(), `default: mine\nprofiles:\n  mine: { address: "${address}", token_file: its-token }\n`);
    expect((await docket(['groups', 'list'])).code).toBe(0);
    await writeFile(file(), 'profiles:\n  mine: { adress: x }\n');
    expect(await docket(['groups', 'list'])).toMatchObject({ code: 2, notes: expect.stringMatching(/profiles\.yaml: profiles\.mine: .*adress/) });
    await writeFile(file(), 'profiles: [');
    expect(await docket(['groups', 'list'])).toMatchObject({ code: 2, notes: expect.stringContaining('is no YAML') });
  });

  it('changes only what is named, and forgets', async () => {
    await docket(['profile', 'set', 'one', '--address', address, '--ca', '/ca.pem']);
    await docket(['profile', 'set', 'one', '--ca', '']);
    expect(await readFile(file(), 'utf8')).toBe(`default: one\nprofiles:\n  one:\n    address: ${address}\n`);
    await docket(['profile', 'set', 'two', '--address', 'docket.example.org:443']);
    expect((await docket(['profile', 'use', 'two'])).code).toBe(0);
    expect((await docket(['profile', 'remove', 'two'])).code).toBe(0);
    expect(await docket(['profile', 'show', 'two'])).toMatchObject({ code: 1 });
    expect(await docket(['profile', 'set', 'bad name'])).toMatchObject({ code: 2 });
    expect(await docket(['profile', 'set', 'three', '--address', 'http://x/y'])).toMatchObject({ code: 2, notes: expect.stringContaining('is no address') });
    expect(await readFile(file(), 'utf8')).toBe(`profiles:\n  one:\n    address: ${address}\n`);
  });
});
