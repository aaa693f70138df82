import { describe, expect, it } from 'vitest';
import { ConfigInvalid, describeSettings, loadConfig, showConfig, unknownSettings } from '../../../src/foundation/config/index.ts';

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
