import { z } from 'zod';
import { PUBLIC_KEY_ALGORITHMS } from '../json-web-token.ts';
import { LOG_LEVELS } from '../log.ts';

/** One setting: its environment variable, its form, and what it means to whoever runs the service. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly schema: Schema;
  readonly description: string;
  /** Never shown. */
  readonly secret: boolean;
}

function setting<Schema extends z.ZodType>(name: string, schema: Schema, description: string): Setting<Schema> {
  return { name, schema, description, secret: false };
}

function secretSetting<Schema extends z.ZodType>(name: string, schema: Schema, description: string): Setting<Schema> {
  return { name, schema, description, secret: true };
}

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

const port = () => wholeNumber(0, 65_535);
const text = () => z.string().max(2_000);
const list = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
const url = (protocol: RegExp, example: string) => z.url({ protocol, error: `must be a URL such as ${example}` });

const origin = (value: string) => value === '*' || (URL.canParse(value) && new URL(value).origin === value);

/** All settings by the name that the code has for them, in the order in which they are documented. */
export const settings = {
  databaseUrl: secretSetting(
    'DATABASE_URL',
    url(/^postgres(ql)?$/, 'postgresql://user:password@host:5432/docket').optional(),
    'PostgreSQL 14 or newer. Unset: a PostgreSQL of its own is started on this machine, with its data in the data directory.',
  ),
  dataDirectory: setting(
    'DOCKET_DATA_DIRECTORY',
    text().default('.docket'),
    'Where the embedded PostgreSQL keeps its data, and the first token its file. Relative to the working directory.',
  ),
  host: setting('DOCKET_HOST', text().default('127.0.0.1'), 'Address that both RPC ports listen on. `0.0.0.0` or `::` for all.'),
  grpcPort: setting('DOCKET_GRPC_PORT', port().default(50_051), 'Port for gRPC. 0 takes a free one.'),
  connectPort: setting(
    'DOCKET_CONNECT_PORT',
    port().default(8_080),
    'Port for Connect, gRPC-Web, gRPC and JSON over HTTP/1.1 and HTTP/2, and for /healthz and /readyz. 0 takes a free one.',
  ),
  tlsCertFile: setting(
    'DOCKET_TLS_CERT_FILE',
    text().optional(),
    'File with the certificate (PEM) that both RPC ports show, followed by those of the authorities between it and the root. Together with its key; unset: no TLS. Read anew when it changes.',
  ),
  tlsKeyFile: setting('DOCKET_TLS_KEY_FILE', text().optional(), 'File with the private key (PEM, not encrypted) of that certificate.'),
  tlsClientCaFile: setting(
    'DOCKET_TLS_CLIENT_CA_FILE',
    text().optional(),
    'File with the authorities (PEM) whose certificates callers must show on both RPC ports; they need their token nonetheless. Unset: none is asked for.',
  ),
  metricsHost: setting(
    'DOCKET_METRICS_HOST',
    text().default('127.0.0.1'),
    'Address that /metrics listens on. It asks for no token: keep it to this machine or to a private network.',
  ),
  metricsPort: setting(
    'DOCKET_METRICS_PORT',
    port().default(9_464),
    'Port for /metrics in the Prometheus format. 0 takes a free one. With several workers it is that of the first; the others have the next ones.',
  ),
  workers: setting(
    'DOCKET_WORKERS',
    wholeNumber(1, 64).default(1),
    'Processes that serve on the same ports; about as many as the machine has cores to spare for the service. Each has the connections, lanes and queue of the other settings.',
  ),
  corsOrigins: setting(
    'DOCKET_CORS_ORIGINS',
    list()
      .refine((origins) => origins.every(origin), 'must be origins such as https://desk.example.org, separated by commas, or *')
      .default([]),
    'Origins whose web pages may call the Connect port, separated by commas. `*` for all. Unset: none.',
  ),
  defaultDeadlineMs: setting(
    'DOCKET_DEFAULT_DEADLINE_MS',
    wholeNumber(100, 120_000).default(30_000),
    'Deadline of a call that names none, in milliseconds. No call may name more than 120,000.',
  ),
  readOnly: setting(
    'DOCKET_READ_ONLY',
    z
      .enum(['true', 'false'], { error: 'must be true or false' })
      .default('false')
      .transform((value) => value === 'true'),
    'Whether only reads are answered: changes are refused with UNAVAILABLE, no jobs run, the audit log is not sealed, the schema is not touched. A database that takes no changes is noticed without it.',
  ),
  rateLimitPerSecond: setting(
    'DOCKET_RATE_LIMIT_PER_SECOND',
    wholeNumber(1, 1_000_000).optional(),
    'Calls a second that one caller may go on with; one more is refused with RESOURCE_EXHAUSTED and a delay. Each process counts for itself. Unset: no limit.',
  ),
  rateLimitBurst: setting(
    'DOCKET_RATE_LIMIT_BURST',
    wholeNumber(1, 1_000_000).optional(),
    'Calls that he may make at once after a pause. Unset: as many as a second.',
  ),
  logLevel: setting(
    'DOCKET_LOG_LEVEL',
    z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
    'How much is logged: trace, debug, info (one line for each call), warn, error, fatal or silent.',
  ),
  otlpEndpoint: setting(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    url(/^https?$/, 'http://collector.example.org:4318').optional(),
    'Collector of OpenTelemetry that traces and metrics are sent to, OTLP over HTTP with JSON; `/v1/traces` or `/v1/metrics` is added. Unset: no traces are made, at no cost, and metrics are only read (see DOCKET_METRICS_PORT).',
  ),
  otlpTracesEndpoint: setting(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    url(/^https?$/, 'http://collector.example.org:4318/v1/traces').optional(),
    'The same for traces with its whole path; counts before the other.',
  ),
  spanDelay: setting(
    'OTEL_BSP_SCHEDULE_DELAY',
    wholeNumber(10, 60_000).default(5_000),
    'Milliseconds that finished spans wait for others before they are sent.',
  ),
  otlpMetricsEndpoint: setting(
    'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
    url(/^https?$/, 'http://collector.example.org:4318/v1/metrics').optional(),
    'The same for metrics with its whole path; counts before the other.',
  ),
  metricExportInterval: setting('OTEL_METRIC_EXPORT_INTERVAL', wholeNumber(100, 3_600_000).default(60_000), 'Milliseconds between two exports of metrics.'),
  otlpHeaders: secretSetting(
    'OTEL_EXPORTER_OTLP_HEADERS',
    list()
      .refine((pairs) => pairs.every((pair) => /^[^=\s]+=/.test(pair)), 'must be pairs such as api-key=secret, separated by commas')
      .default([]),
    'Headers of these requests, as key=value separated by commas.',
  ),
  otelServiceName: setting('OTEL_SERVICE_NAME', text().default('docket'), 'Name of this service in traces and metrics that are sent.'),
  traceRatio: setting(
    'OTEL_TRACES_SAMPLER_ARG',
    z
      .string()
      .regex(/^(0|1|0?\.\d+|[01]\.0+)$/, 'must be a number from 0 to 1')
      .default('1')
      .transform(Number),
    'Share of the traces beginning here that are made, from 0 to 1. Where a caller sends a `traceparent`, he has decided.',
  ),
  databasePoolSize: setting('DOCKET_DATABASE_POOL_SIZE', wholeNumber(2, 500).default(20), 'Database connections of this process at most.'),
  lanes: setting(
    'DOCKET_LANES',
    wholeNumber(1, 64).default(2),
    'Units of work that this process runs at once: while the database works on one, the next is made ready. Must leave connections of the pool for reads.',
  ),
  queueBound: setting(
    'DOCKET_QUEUE_BOUND',
    wholeNumber(1, 1_000_000).default(10_000),
    'Changes that may wait in this process; one more is refused with RESOURCE_EXHAUSTED and a delay.',
  ),
  statementTimeoutMs: setting(
    'DOCKET_STATEMENT_TIMEOUT_MS',
    wholeNumber(100, 600_000).default(30_000),
    'Longest time for one database statement, in milliseconds.',
  ),
  lockTimeoutMs: setting('DOCKET_LOCK_TIMEOUT_MS', wholeNumber(10, 600_000).default(5_000), 'Longest wait for one database lock, in milliseconds.'),
  jwtIssuer: setting(
    'DOCKET_JWT_ISSUER',
    text().optional(),
    'Issuer (`iss`) of the JSON Web Tokens that are believed. Together with audience and key set, or none of the three: then only service tokens count.',
  ),
  jwtAudience: setting('DOCKET_JWT_AUDIENCE', list().optional(), 'Audiences (`aud`) that mean this service, separated by commas; a token needs one of them.'),
  jwtJwksUrl: setting(
    'DOCKET_JWT_JWKS_URL',
    url(/^https?$/, 'https://login.example.org/keys').optional(),
    'Where the issuer publishes its keys (JSON Web Key Set).',
  ),
  jwtAlgorithms: setting(
    'DOCKET_JWT_ALGORITHMS',
    list()
      .refine((names) => names.length > 0 && names.every((name) => PUBLIC_KEY_ALGORITHMS.includes(name)), `must be some of ${PUBLIC_KEY_ALGORITHMS.join(', ')}`)
      .default(['RS256', 'ES256', 'EdDSA']),
    'Signature algorithms that are accepted, separated by commas.',
  ),
  jwtRolesClaim: setting(
    'DOCKET_JWT_ROLES_CLAIM',
    text().min(1).default('roles'),
    'Claim that holds the roles, as a list or as words; dots lead into objects, as in realm_access.roles.',
  ),
  jwtAgentClaim: setting('DOCKET_JWT_AGENT_CLAIM', text().min(1).default('sub'), 'Claim that holds the agent id of a caller with the role agent.'),
  auditKeyFile: setting(
    'DOCKET_AUDIT_KEY_FILE',
    text().optional(),
    'File with the Ed25519 private key (PKCS 8, PEM) that seals of the audit log are signed with. Unset: with the embedded PostgreSQL one is made at the first start, in the data directory; with another seals are not signed.',
  ),
  auditTrustedKeysFile: setting(
    'DOCKET_AUDIT_TRUSTED_KEYS_FILE',
    text().optional(),
    'File with public keys (PEM) that seals were signed with before; a verification believes them as well as the own one.',
  ),
  auditCheckpointFile: setting(
    'DOCKET_AUDIT_CHECKPOINT_FILE',
    text().optional(),
    'File that signed checkpoints of the audit log are added to, a line each. Unset: audit-checkpoints.ndjson in the data directory. Keep copies where the database cannot be changed from.',
  ),
  auditCheckpointUrl: setting(
    'DOCKET_AUDIT_CHECKPOINT_URL',
    url(/^https?$/, 'https://witness.example.org/docket').optional(),
    'Where checkpoints are sent too: POST, application/json, one in each request.',
  ),
  auditCheckpointSeconds: setting(
    'DOCKET_AUDIT_CHECKPOINT_SECONDS',
    wholeNumber(1, 86_400).default(60),
    'Least time between two checkpoints, in seconds. There is one at every stop, too.',
  ),
  address: setting(
    'DOCKET_ADDRESS',
    text().optional(),
    'Service that commands call: `host:port` of either RPC port, or a URL; `https://…` for TLS. Unset: that of the profile, or the one of this machine.',
  ),
  profile: setting('DOCKET_PROFILE', text().optional(), 'Profile that commands use where `--profile` names none. Unset: the default one, if there is one.'),
  profilesFile: setting(
    'DOCKET_PROFILES_FILE',
    text().optional(),
    'File with the profiles of `docket profile`. Unset: `docket/profiles.yaml` in the folder of XDG_CONFIG_HOME.',
  ),
  configHome: setting('XDG_CONFIG_HOME', text().optional(), 'Folder of what a user sets for his programs. Unset: `.config` in his home folder.'),
  token: secretSetting(
    'DOCKET_TOKEN',
    text().optional(),
    'Token that commands such as `docket import` show to the service they call. The service itself does not look at it.',
  ),
  caFile: setting(
    'DOCKET_CA_FILE',
    text().optional(),
    'File with the authorities (PEM) that commands believe when they call a service by TLS. Unset: those that Node knows; the service of this machine is recognised by its certificate.',
  ),
  clientCertFile: setting(
    'DOCKET_CLIENT_CERT_FILE',
    text().optional(),
    'File with the certificate (PEM) that commands show to a service that asks for one. Together with its key.',
  ),
  clientKeyFile: setting('DOCKET_CLIENT_KEY_FILE', text().optional(), 'File with the private key (PEM, not encrypted) of that certificate.'),
} as const;

/** The settings' values, typed. */
export type Config = { readonly [Key in keyof typeof settings]: z.output<(typeof settings)[Key]['schema']> };
