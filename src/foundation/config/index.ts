import { readFileSync } from 'node:fs';
import { type Config, type Setting, settings } from './settings.ts';

export type { Config } from './settings.ts';

/** The environment holds values that cannot be used; the message names every one of them, and no secret. */
export class ConfigInvalid extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`the configuration cannot be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigInvalid';
    this.faults = faults;
  }
}

/**
 * Reads the configuration from an environment; an empty value counts as unset. A secret may be in a file instead, which the variable of the
 * same name with `_FILE` at its end names.
 * @throws ConfigInvalid with all faults at once.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings)) {
    const given = givenFor(setting, environment);
    const parsed = 'fault' in given ? undefined : setting.schema.safeParse(given.value);
    if ('fault' in given) faults.push(given.fault);
    else if (parsed?.success) values[key] = parsed.data;
    else faults.push(`${given.name} ${parsed?.error.issues[0]?.message ?? 'is invalid'}`);
  }
  faults.push(...faultsBetween(values as Partial<Config>));
  if (faults.length > 0) throw new ConfigInvalid(faults);
  return values as Config;
}

/** The variable that names a file with the value of a secret one. */
export const fileVariableOf = (name: string): string => `${name}_FILE`;

/** What is set for a setting, and by which variable; or why it cannot be known. */
function givenFor(
  { name, secret }: Setting,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly name: string; readonly value: string | undefined } | { readonly fault: string } {
  const value = environment[name]?.trim() || undefined;
  const fileName = fileVariableOf(name);
  const file = secret ? environment[fileName]?.trim() || undefined : undefined;
  if (file === undefined) return { name, value };
  if (value !== undefined) return { fault: `${name} and ${fileName} are both set: only one of them can count` };
  try {
    const content = readFileSync(file, 'utf8').trim();
    return content === '' ? { fault: `${fileName}: ${file} is empty` } : { name: fileName, value: content };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { fault: `${fileName}: ${file} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : code}` };
  }
}

/** Faults that show only in several settings together. */
function faultsBetween(config: Partial<Config>): string[] {
  const faults: string[] = [];
  const issuer = { DOCKET_JWT_ISSUER: config.jwtIssuer, DOCKET_JWT_AUDIENCE: config.jwtAudience, DOCKET_JWT_JWKS_URL: config.jwtJwksUrl };
  const absent = Object.entries(issuer).filter(([, value]) => value === undefined || value.length === 0);
  if (absent.length > 0 && absent.length < 3)
    faults.push(`${absent.map(([name]) => name).join(' and ')} must be set too: issuer, audience and key set belong together`);
  if ((config.tlsCertFile === undefined) !== (config.tlsKeyFile === undefined))
    faults.push(`${config.tlsCertFile === undefined ? 'DOCKET_TLS_CERT_FILE' : 'DOCKET_TLS_KEY_FILE'} must be set too: certificate and key belong together`);
  if (config.rateLimitBurst !== undefined && config.rateLimitPerSecond === undefined)
    faults.push('DOCKET_RATE_LIMIT_BURST needs DOCKET_RATE_LIMIT_PER_SECOND: alone it limits nothing');
  if ((config.clientCertFile === undefined) !== (config.clientKeyFile === undefined))
    faults.push(
      `${config.clientCertFile === undefined ? 'DOCKET_CLIENT_CERT_FILE' : 'DOCKET_CLIENT_KEY_FILE'} must be set too: certificate and key belong together`,
    );
  if (config.tlsClientCaFile !== undefined && config.tlsCertFile === undefined && config.tlsKeyFile === undefined)
    faults.push('DOCKET_TLS_CLIENT_CA_FILE needs DOCKET_TLS_CERT_FILE and DOCKET_TLS_KEY_FILE: without TLS nobody shows a certificate');
  if (config.lanes && config.databasePoolSize && config.lanes >= config.databasePoolSize)
    faults.push('DOCKET_LANES must be less than DOCKET_DATABASE_POOL_SIZE, or nothing is left for reads');
  if (config.metricsPort && config.workers && config.metricsPort + config.workers - 1 > 65_535)
    faults.push('DOCKET_METRICS_PORT must leave a port up to 65535 for each of DOCKET_WORKERS');
  return faults;
}

/** Variables that look like settings and are none, for instance misspelt ones; worth a warning. */
export function unknownSettings(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.values(settings).flatMap(({ name, secret }) => (secret ? [name, fileVariableOf(name)] : [name])));
  return Object.keys(environment).filter((name) => name.startsWith('DOCKET_') && !known.has(name));
}

/** A configuration as it may be shown: by variable, with secrets masked. */
export function showConfig(config: Config): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, { name, secret }]) => {
      const value = config[key as keyof Config];
      if (value === undefined) return [name, '(unset)'];
      return [name, secret ? '(hidden)' : String(value)];
    }),
  );
}

/** One row of the documentation of the settings. */
export interface SettingDescription {
  readonly name: string;
  /** As it would be written in the environment; undefined when there is none. */
  readonly defaultValue: string | undefined;
  readonly description: string;
  readonly secret: boolean;
}

/** Every setting, for the operations manual. */
export function describeSettings(): SettingDescription[] {
  return Object.values(settings).map(({ name, schema, description, secret }) => {
    const parsed = schema.safeParse(undefined);
    const value = parsed.success ? parsed.data : undefined;
    const isUnset = value === undefined || (Array.isArray(value) && value.length === 0);
    return { name, defaultValue: isUnset ? undefined : String(value), description, secret };
  });
}
