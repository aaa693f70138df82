import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Metrics } from '../../foundation/metrics.ts';
import { type CertificateFiles, type Certificates, checkCertificates, type FileTexts, readCertificateFiles } from './certificates.ts';
import { CERTIFICATES_LOOK_MS, HEADERS_TIMEOUT_MS } from './limits.ts';

/** TLS for the ports of a server, with the certificates that lie in the files now. */
export interface Secure {
  /**
   * A layer for one port: takes a connection, shakes hands, and hands on what is said inside. The first of `protocols` (ALPN) that the
   * caller knows too is agreed on; a caller who names others only is refused.
   */
  over(protocols: readonly string[], onConnection: (socket: TLSSocket) => void): (socket: Socket) => void;
  /** Stops looking at the files. */
  stop(): void;
}

/**
 * Opens the certificates, and looks at their files again and again. New ones serve the connections that come after; those that are
 * open, and their calls, are not touched. Files that cannot be served with change nothing, and are told of.
 * @throws ConfigInvalid with every fault of the files.
 */
export async function openSecure(files: CertificateFiles, deps: { readonly log: Logger; readonly metrics: Metrics }): Promise<Secure> {
  const texts = await readCertificateFiles(files);
  const keeper = new CertificateKeeper(files, deps, texts, checkCertificates(files, texts));
  return { over: (protocols, onConnection) => keeper.over(protocols, onConnection), stop: () => keeper.stop() };
}

class CertificateKeeper {
  readonly #files: CertificateFiles;
  readonly #log: Logger;
  readonly #measures: ReturnType<typeof makeMeasures>;
  readonly #servers: Server[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #present: Certificates;
  /** What was last served with or complained of. */
  #known: FileTexts;
  /** Bad texts that were seen once: of two files one is written first, so they are complained of when they stay. */
  #doubtful: FileTexts | undefined;
  #looking = false;

  constructor(files: CertificateFiles, deps: { readonly log: Logger; readonly metrics: Metrics }, texts: FileTexts, present: Certificates) {
    this.#files = files;
    this.#log = deps.log;
    this.#known = texts;
    this.#present = present;
    this.#measures = makeMeasures(deps.metrics, () => this.#present);
    this.#tell('TLS is on');
    this.#timer = setInterval(() => void this.#look(), CERTIFICATES_LOOK_MS).unref();
  }

  over(protocols: readonly string[], onConnection: (socket: TLSSocket) => void): (socket: Socket) => void {
    const asksForClients = this.#files.clientCaFile !== undefined;
    const server = createServer(
      {
        ...this.#present.context,
        ALPNProtocols: [...protocols],
        requestCert: asksForClients,
        rejectUnauthorized: asksForClients,
        handshakeTimeout: HEADERS_TIMEOUT_MS,
        allowHalfOpen: true,
      },
      (socket) => {
        socket.on('error', () => socket.destroy());
        onConnection(socket);
      },
    );
    server.on('tlsClientError', (error, socket) => {
      this.#measures.failedHandshakes.add(1);
      this.#log.debug({ err: error }, 'a TLS handshake failed');
      socket.destroy();
    });
    this.#servers.push(server);
    // It listens nowhere: connections are accepted elsewhere, by one process for several.
    return (socket) => void server.emit('connection', socket);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const texts = await readCertificateFiles(this.#files);
      if (!isDeepStrictEqual(texts, this.#known)) this.#take(texts);
    } finally {
      this.#looking = false;
    }
  }

  #take(texts: FileTexts): void {
    try {
      const found = checkCertificates(this.#files, texts);
      if (found.expireTimeMs < Date.now()) throw new Error(`the certificate has expired at ${new Date(found.expireTimeMs).toISOString()}`);
      for (const server of this.#servers) server.setSecureContext(found.context);
      this.#present = found;
      this.#measures.reloads.add(1, { outcome: 'taken' });
      this.#tell('new TLS certificates serve from now on');
    } catch (error) {
      if (!isDeepStrictEqual(texts, this.#doubtful)) {
        this.#doubtful = texts;
        return;
      }
      this.#measures.reloads.add(1, { outcome: 'refused' });
      this.#log.error({ err: error, expire_time: timeOf(this.#present) }, 'the new TLS certificates cannot be used; the old ones serve on');
    }
    this.#known = texts;
    this.#doubtful = undefined;
  }

  #tell(what: string): void {
    const { own, expireTimeMs } = this.#present;
    const line = { names: own.subjectAltName ?? own.subject, expire_time: timeOf(this.#present), client_certificates: this.#files.clientCaFile !== undefined };
    this.#log.info(line, what);
    if (expireTimeMs < Date.now()) this.#log.warn(line, 'the TLS certificate has expired: callers will refuse it');
  }
}

const timeOf = ({ expireTimeMs }: Certificates): string => new Date(expireTimeMs).toISOString();

function makeMeasures(metrics: Metrics, present: () => Certificates) {
  const meter = metrics.meter('tls');
  meter
    .createObservableGauge('docket_tls_certificate_expiry_timestamp_seconds', {
      description: 'When the first certificate of the chain that is served expires, in seconds of the Unix clock',
    })
    .addCallback((result) => result.observe(present().expireTimeMs / 1000));
  return {
    reloads: meter.createCounter('docket_tls_reloads_total', { description: 'Changed certificate files, taken or refused' }),
    failedHandshakes: meter.createCounter('docket_tls_failed_handshakes_total', { description: 'Connections that ended before TLS was agreed on' }),
  };
}
