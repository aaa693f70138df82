import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jobs } from '../src/edge/worker/index.ts';
import { describeSettings } from '../src/foundation/config/index.ts';

/** Where the operations manual is. */
export const OPERATIONS_FILE = join(import.meta.dirname, '../docs/operations.md');

/** The operations manual: what is true of every release, with the settings and jobs of this one. */
export function operationsManual(): string {
  return `<!-- Written by \`npm run operations\` from scripts/operations.ts: change it there. A test holds it fresh. -->
# Operations

## Starting and stopping
\`npm start\` serves until Ctrl-C or SIGTERM. It brings the database to the newest schema first; any number of instances may
start at once, they queue for that. \`npm run docket -- migrate up\` does only that, \`migrate plan\` shows what it
would do. Migrations go forward only. \`npm run docket -- doctor\` says what is wrong with database, clock, ports, disk and keys, and what to do.

At the end health turns NOT_SERVING, new calls are refused, calls in flight get eight seconds, jobs one more; the process is
gone within ten seconds. A killed process loses nothing that was answered: answers leave after the commit. What was cut off
is repeated with the same \`request_id\`.

Several processes over one database share the work; none of them is special.

\`npm start\` gives V8 three flags that keep a process under 250 MB under load, and lets Node keep compiled code in
\`node_modules/.cache/docket\`: see decision 12. \`node src/main.ts serve\` alone needs more memory.

## Workers
\`DOCKET_WORKERS=n\` serves by n processes on the same ports, for machines with more cores than one process can use. The process that is
started brings the database along and to the newest schema, starts the workers, and deals new connections out to them in turn; a
connection stays with its worker, so few callers should open several. Assignments are as exact as with one: the database's
locks see to that, whoever asks.

- Settings hold for each worker: n workers have n times the database connections (\`DOCKET_DATABASE_POOL_SIZE\`, and five for jobs;
  one for each core, four at most, while the log is verified).
- Worker i has its own \`/metrics\`, on \`DOCKET_METRICS_PORT\` + i, counted from 0: scrape all. What is told of the database (tickets, spread) is the
  same on each; calls, queues and memory are its own.
- \`worker\` in a log line says who wrote it. A worker that ends is replaced, with a growing pause if it did not live for ten seconds
  ("a worker ended; another takes its place"); the others go on. Its callers see UNAVAILABLE once and connect anew.
- One that cannot even start ends the service with its reason.
- SIGTERM or Ctrl-C stops the workers in order within ten seconds, then the rest. SIGTERM to one worker alone lets its calls in flight finish and replaces it.

## Settings
By environment variables. All faults are told at once at start; variables that begin with \`DOCKET_\` and are no settings are
warned of. An empty value counts as unset. Those marked as secret may be in files: \`DATABASE_URL_FILE=/run/secrets/database-url\` instead of
\`DATABASE_URL\`, and likewise for the others; white space around is left out. Both at once is a fault. The files are read once, at start.

| variable | default | meaning |
|---|---|---|
${describeSettings().map(settingRow).join('\n')}

## Database
PostgreSQL 14 or newer, by \`DATABASE_URL\`. The user must own the database or be allowed to make a schema in it. All tables lie in the schema
\`docket\`, those of the job queue in \`pgboss\`; \`src/foundation/database/schema.sql\` shows the whole. Where the user may
make roles, or is a member of \`docket_service\`, the service works under that role, which can read the audit log but not
write it; otherwise triggers alone protect the log, and each start warns of it.

Without \`DATABASE_URL\` a PostgreSQL from npm starts on this machine, with its data in the data directory and a random
password; started as root it runs as an unprivileged user. It is meant for trying Docket and for small teams. Backups of either kind, and what a restored
database means: [backups.md](backups.md).

Transaction-pooling proxies do not fit: the service sets its role and its time-outs per connection.

## Reading only
For maintenance, and while a standby stands in: reads are answered; every change is refused with UNAVAILABLE, reason \`READ_ONLY\`, and has no effect
(\`validate_only\` is answered); no jobs run; the audit log is not sealed. \`/readyz\` answers \`ready, read-only\`, still with 200; gRPC health stays SERVING; the log and a metric
tell it. It is so while

- the database says so: \`ALTER DATABASE docket SET default_transaction_read_only = on\`, and \`= off\` for the end. All processes on all machines follow within two seconds,
  without a restart. The same setting on the user of the service counts too;
- the database is a hot standby; once it is promoted, changes are made again within two seconds;
- \`DOCKET_READ_ONLY=true\`, for as long as the process runs.

A service that starts so does not touch the schema, and says if it is not the newest. What was due meanwhile (jobs, seals) is done afterwards.

## Ports
gRPC on one; Connect, gRPC-Web, gRPC and JSON on the other, with \`/healthz\` (the process lives) and \`/readyz\` (it can
serve); \`/metrics\` on a third, on the loopback address unless told otherwise. gRPC health and both versions of reflection
are on both RPC ports. Limits on messages, metadata, connections, streams and times are in \`src/edge/rpc/limits.ts\`.

## TLS
Off unless \`DOCKET_TLS_CERT_FILE\` and \`DOCKET_TLS_KEY_FILE\` are set; then both RPC ports speak nothing else (TLS 1.2 or 1.3; HTTP/2 or
HTTP/1.1 by ALPN), and the health checks on them too. \`/metrics\` stays plain.

- **Renewing.** Put new files in the place of the old ones; every process takes them within a few seconds, for the connections that come then. Open connections and
  their calls go on. Files that cannot be served with (a key that does not fit, an expired certificate) change nothing: the old ones serve on, the log says why, and
  it is counted as refused.
- **Client certificates.** With \`DOCKET_TLS_CLIENT_CA_FILE\` callers must show a certificate of these authorities, for every RPC and for \`/healthz\` and
  \`/readyz\`. It does not replace the token, and says nothing about who the caller is. The file is read anew like the others.
- **Commands.** On this machine they recognise the service by its certificate file, with the same settings as the service. From elsewhere:
  \`--address https://host:port --ca FILE\`, or \`DOCKET_CA_FILE\`; \`DOCKET_CLIENT_CERT_FILE\` and \`DOCKET_CLIENT_KEY_FILE\` where it asks for a certificate.

Behind a proxy that ends TLS, leave it off: the proxy must speak HTTP/2 to the gRPC port.

## Access
Tokens for programs: \`npm run docket -- token create --name NAME --role ROLE\`, \`token list\`, \`token revoke PREFIX\`; a
revoked token fails everywhere within five seconds. People come with JSON Web Tokens of the issuer in the settings. With the
embedded database a first administrator token is made, shown once, and kept in \`administrator-token\` in the data directory.

\`DOCKET_RATE_LIMIT_PER_SECOND\` holds each caller (the subject of his token, whichever token) to a rate of calls, reads and changes alike; health and
reflection do not count. Each process counts for itself: a connection stays with its worker, so a caller with one connection has the rate as it is set, one with several
connections at most that times \`DOCKET_WORKERS\`.

The business day of the counts changes at midnight in one time zone: \`npm run docket -- business-zone [ZONE]\`.

## What to watch
Logs are JSON lines, one for each call, with request id and actor, and no secrets. Metrics:

| metric | meaning | worry when |
|---|---|---|
| \`docket_rpc_duration_seconds\`, \`docket_rpc_in_flight\` | calls by method and status, and those without an answer yet | UNAVAILABLE or INTERNAL appear |
| \`docket_rate_limited_calls_total\` | calls refused since their caller made too many, by method; the log says who | it rises for long: a caller is in a loop, or the rate is too low |
| \`docket_queue_waiting_commands\` | changes waiting for a unit of work | it grows without end |
| \`docket_batch_commands\`, \`docket_units_of_work_total\` | changes that one commit carried, and commits | |
| \`docket_tickets_unassigned\`, \`docket_oldest_waiting_seconds\` | tickets nobody could take, by group | nobody is available, or all are full |
| \`docket_fairness_spread_tickets\` | most minus fewest given today among available agents, by group | |
| \`docket_job_duration_seconds\` | runs of jobs, by outcome | outcomes other than done pile up |
| \`docket_audit_default_partition_rows\` | audit entries whose month was not made in time | above 0 |
| \`docket_audit_sealed_entries_total\` | audit entries that this process sealed | it stands still while changes are made |
| \`docket_audit_seal_lag_seconds\` | time from a change to the seal of its audit entry, the longest of each round | above 2 s for minutes: a transaction that never ends holds it up |
| \`docket_audit_epochs_total\` | times the log was found to be another than was sealed last | above 0: restored from a backup, or tampered with |
| \`docket_audit_refused_calls_total\` | refused changes of known callers, by whether the audit log has them; those of strangers are among the calls by status, UNAUTHENTICATED | it rises fast, or outcomes other than recorded appear |
| \`docket_read_only\` | 1 while only reads are answered | it is 1 and nobody meant it |
| \`docket_tls_certificate_expiry_timestamp_seconds\` | when the first certificate of the chain expires, in Unix seconds | less than two weeks are left |
| \`docket_tls_reloads_total\` | changed certificate files, by outcome | outcome refused |
| \`docket_tls_failed_handshakes_total\` | connections that ended before TLS was agreed on | it rises fast |
| \`docket_process_resident_bytes\`, \`docket_process_event_loop_delay_seconds\` | the process | above 250 MB; above 0.1 s |

## Traces
With \`OTEL_EXPORTER_OTLP_ENDPOINT\` set, each call is a span (OpenTelemetry, OTLP over HTTP with JSON), in the trace of the caller's \`traceparent\` (gRPC metadata or HTTP header)
if he sends one. Below it: its statements, if it reads; if it changes something, the unit of work with its statements, and the jobs that it leaves, with theirs. A unit of work
carries the changes of many callers in one commit: it lies in the trace of one of them, and is linked to the calls of the others. Spans tell methods, statuses, kinds of statements and
tables; never tokens, callers, texts or values. They go out every five seconds; a collector that is away costs spans, and no call. Each span takes work: under load, set
\`OTEL_TRACES_SAMPLER_ARG=0.01\`. A caller's \`traceparent\` decides for his calls, whoever he is; put a proxy that strips it before strangers. Unset, nothing of it is loaded.

\`npm run check:invariants\` replays the whole history of a database and says whether every assignment, counter and audit
entry is as it must be; it reads from one snapshot and may run beside the service. \`--repair\` first rebuilds the counters.

## Jobs
They run inside the service. One that fails is tried again with growing delays for about a day, then lies in the queue
\`dead-letters\` for a month.

| job | runs |
|---|---|
${jobs.map(({ name, schedule }) => `| \`${name}\` | ${schedule ? `\`${schedule.cron}\` (${schedule.timeZone})` : 'when something leaves it work'} |`).join('\n')}

Request ids are good for repeating for 30 days. The audit log is kept for ever, by month; \`docket audit drop-month\` drops
one (see [audit-log.md](audit-log.md), also for keys, checkpoints and restored databases).
`;
}

function settingRow({ name, defaultValue, description, secret }: ReturnType<typeof describeSettings>[number]): string {
  const shown = defaultValue === undefined ? 'unset' : `\`${defaultValue}\``;
  return `| \`${name}\`${secret ? ' (secret)' : ''} | ${shown} | ${description.replaceAll('|', '\\|')} |`;
}

if (import.meta.main) writeFileSync(OPERATIONS_FILE, operationsManual());
