import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigInvalid, describeSettings, loadConfig, showConfig, unknownSettings } from '../../../src/foundation/config/index.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(text: string): string {
  const file = join(folder, `secret-${++files}`);
  writeFileSync(file, text);
  return file;
}

describe('the configuration', () => {
  it('it needs nothing to be set', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      grpcPort: 50_051,
      connectPort: 8_080,
      metricsPort: 9_464,
      dataDirectory: '.docket',
      corsOrigins: [],
      logLevel: 'info',
      databaseUrl: undefined,
    });
  });

  it('it takes an empty value for none', () => {
    expect(loadConfig({ DOCKET_GRPC_PORT: '', DATABASE_URL: '  ' })).toMatchObject({ grpcPort: 50_051, databaseUrl: undefined });
  });

  it('it reads lists, numbers and words', () => {
    const config = loadConfig({
      DOCKET_CORS_ORIGINS: 'https://a.example.org, http://localhost:5173',
      DOCKET_CONNECT_PORT: '0',
      DOCKET_JWT_ALGORITHMS: 'ES256',
      DOCKET_LOG_LEVEL: 'warn',
    });
    expect(config).toMatchObject({
      corsOrigins: ['https://a.example.org', 'http://localhost:5173'],
      connectPort: 0,
      jwtAlgorithms: ['ES256'],
      logLevel: 'warn',
    });
  });

  it('it names every fault in one message, and shows no secret in it', () => {
    const load = () =>
      loadConfig({
        DATABASE_URL: 'mysql://me:hunter2@host/db',
        DOCKET_GRPC_PORT: 'tcp://10.0.0.1:50051',
        DOCKET_METRICS_PORT: '70000',
        DOCKET_CORS_ORIGINS: 'desk.example.org',
        DOCKET_JWT_ALGORITHMS: 'HS256',
        DOCKET_JWT_ISSUER: 'me',
        DOCKET_LANES: '20',
      });
    expect(load).toThrow(ConfigInvalid);
    let message = '';
    try {
      load();
    } catch (error) {
      message = (error as Error).message;
    }
    for (const name of [
      'DATABASE_URL',
      'DOCKET_GRPC_PORT',
      'DOCKET_METRICS_PORT',
      'DOCKET_CORS_ORIGINS',
      'DOCKET_JWT_ALGORITHMS',
      'DOCKET_JWT_AUDIENCE',
      'DOCKET_LANES',
    ])
      expect(message).toContain(name);
    expect(message).not.toContain('hunter2');
  });

  it('it masks secrets when it is shown', () => {
    const shown = showConfig(loadConfig({ DATABASE_URL: 'postgresql://me:hunter2@host/db' }));
    expect(shown).toMatchObject({ DATABASE_URL: '(hidden)', DOCKET_GRPC_PORT: '50051', DOCKET_JWT_ISSUER: '(unset)' });
    expect(JSON.stringify(shown)).not.toContain('hunter2');
  });

  it('it reads a secret from a file, without the line end, and shows it as little', () => {
    const file = write('postgresql://me:hunter2@host/db\n');
    const config = loadConfig({ DATABASE_URL_FILE: file, DOCKET_TOKEN_FILE: write('docket_x\r\n') });
    expect(config).toMatchObject({ databaseUrl: 'postgresql://me:hunter2@host/db', token: 'docket_x' });
    expect(showConfig(config)).toMatchObject({ DATABASE_URL: '(hidden)', DOCKET_TOKEN: '(hidden)' });
    expect(unknownSettings({ DOCKET_TOKEN_FILE: file })).toEqual([]);
  });

  it('it reads every secret from a file, and nothing else', () => {
    const names = describeSettings().map(({ name, secret }) => [name, secret] as const);
    const gone = join(folder, 'gone');
    for (const [name, secret] of names) {
      // Settings that are files by themselves end with the same letters.
      const load = () => loadConfig({ [`${name}_FILE`]: gone });
      if (secret) expect(load).toThrow(`${name}_FILE: ${gone} cannot be read: there is no such file`);
      else expect(load).not.toThrow();
    }
  });

  it('it names every fault of such a file, and nothing that is in it', () => {
    const bad = write('mysql://me:hunter2@host/db');
    expect(() => loadConfig({ DATABASE_URL: 'postgresql://a/b', DATABASE_URL_FILE: bad })).toThrow('DATABASE_URL and DATABASE_URL_FILE are both set');
    expect(() => loadConfig({ DATABASE_URL_FILE: write(' \n') })).toThrow('is empty');
    expect(() => loadConfig({ DATABASE_URL_FILE: folder })).toThrow(`DATABASE_URL_FILE: ${folder} cannot be read: EISDIR`);
    const load = () => loadConfig({ DATABASE_URL_FILE: bad });
    expect(load).toThrow('DATABASE_URL_FILE must be a URL');
    expect(load).not.toThrow(/hunter2/);
    // Empty counts as unset.
    expect(loadConfig({ DATABASE_URL: 'postgresql://a/b', DATABASE_URL_FILE: '' })).toMatchObject({ databaseUrl: 'postgresql://a/b' });
  });

  it('it points out names that are no settings', () => {
    expect(unknownSettings({ DOCKET_GRPC_PROT: '1', DOCKET_GRPC_PORT: '1', PATH: '/bin' })).toEqual(['DOCKET_GRPC_PROT']);
  });

  it('it describes every setting in words, with its default as one would write it', () => {
    const described = describeSettings();
    for (const { name, description } of described) expect(`${name}: ${description}`).toMatch(/^[A-Z_]+: .{20,}\.$/);
    const defaults = Object.fromEntries(
      described.filter(({ defaultValue }) => defaultValue !== undefined).map(({ name, defaultValue }) => [name, defaultValue]),
    );
    expect(loadConfig(defaults)).toEqual(loadConfig({}));
  });
});
