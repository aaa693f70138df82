import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { type Config, ConfigInvalid } from '../../foundation/config/index.ts';

/** Where what TLS needs is kept, each in PEM. */
export interface CertificateFiles {
  /** The certificate of the service, and after it those of the authorities between it and the root. */
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities whose certificates callers must show; undefined: none is asked for. */
  readonly clientCaFile: string | undefined;
}

/** What the files hold: checked, and ready to serve with. */
export interface Certificates {
  readonly context: SecureContextOptions;
  /** The certificate of the service itself. */
  readonly own: X509Certificate;
  /** When the first certificate of the chain expires, in milliseconds of the Unix clock. */
  readonly expireTimeMs: number;
}

/** The files that the configuration names; undefined: the service speaks without TLS. */
export function certificateFilesOf({ tlsCertFile, tlsKeyFile, tlsClientCaFile }: Config): CertificateFiles | undefined {
  if (tlsCertFile === undefined || tlsKeyFile === undefined) return undefined;
  return { certFile: tlsCertFile, keyFile: tlsKeyFile, clientCaFile: tlsClientCaFile };
}

/** How callers on this machine reach a service with that configuration: by a name of its certificate; undefined without TLS. */
export async function securedOf(config: Config): Promise<{ name: string; caFile: string | undefined; asksForClients: boolean } | undefined> {
  const files = certificateFilesOf(config);
  if (!files) return undefined;
  const { own, context } = checkCertificates(files, await readCertificateFiles(files));
  const [, name] = /(?:DNS|IP Address):([^\s,*]+)(?:,|$)/.exec(own.subjectAltName ?? '') ?? [];
  const last = readChain(String(context.cert)).at(-1);
  return {
    name: name ?? 'localhost',
    caFile: last?.checkIssued(last) ? files.certFile : undefined,
    asksForClients: files.clientCaFile !== undefined,
  };
}

/** The files' contents as they are now; two that are alike mean that nothing was changed. */
export async function readCertificateFiles(files: CertificateFiles): Promise<FileTexts> {
  const [cert, key, clientCa] = await Promise.all([readText(files.certFile), readText(files.keyFile), files.clientCaFile && readText(files.clientCaFile)]);
  return { cert, key, clientCa: clientCa || undefined };
}

/** What was found where a file should be: its text, or why it cannot be read. */
type Found = { readonly text: string } | { readonly fault: string };

export interface FileTexts {
  readonly cert: Found;
  readonly key: Found;
  readonly clientCa: Found | undefined;
}

/**
 * Checks what was read: every part can be read, the key fits the certificate, and OpenSSL takes them.
 * @throws ConfigInvalid with every fault, by setting; no message holds anything of a key.
 */
export function checkCertificates(files: CertificateFiles, texts: FileTexts): Certificates {
  const faults: string[] = [];
  const part = <Part>(setting: string, file: string, found: Found, read: (text: string) => Part): Part | undefined => {
    if ('fault' in found) faults.push(`${setting}: ${file} cannot be read: ${found.fault}`);
    else {
      try {
        return read(found.text);
      } catch (error) {
        faults.push(`${setting}: ${file} ${error instanceof Unfit ? error.message : 'cannot be used'}`);
      }
    }
    return undefined;
  };
  const chain = part('DOCKET_TLS_CERT_FILE', files.certFile, texts.cert, readChain);
  const key = part('DOCKET_TLS_KEY_FILE', files.keyFile, texts.key, readKey);
  if (texts.clientCa) part('DOCKET_TLS_CLIENT_CA_FILE', files.clientCaFile ?? '', texts.clientCa, readChain);
  const own = chain?.[0];
  if (own && key && !own.checkPrivateKey(key)) faults.push(`DOCKET_TLS_KEY_FILE: ${files.keyFile} is not the key of the certificate in ${files.certFile}`);
  if (faults.length > 0 || !chain || !own) throw new ConfigInvalid(faults);
  const context: SecureContextOptions = { cert: textOf(texts.cert), key: textOf(texts.key), ...(texts.clientCa && { ca: textOf(texts.clientCa) }) };
  try {
    createSecureContext(context);
  } catch (error) {
    throw new ConfigInvalid([`DOCKET_TLS_CERT_FILE: ${files.certFile} cannot be served with: ${error instanceof Error ? error.message : String(error)}`]);
  }
  return { context, own, expireTimeMs: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))) };
}

/** What is wrong with a file, in words that follow its name. */
class Unfit extends Error {}

function readChain(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g);
  if (!blocks) throw new Unfit('holds no certificate in PEM');
  return blocks.map((block, at) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new Unfit(`holds a certificate that cannot be read, at place ${at + 1}`);
    }
  });
}

function readKey(text: string): KeyObject {
  if (/-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text)) throw new Unfit('is encrypted; the service is never given a password for it');
  try {
    return createPrivateKey(text);
  } catch {
    throw new Unfit('holds no private key in PEM');
  }
}

const textOf = (found: Found): string => ('text' in found ? found.text : '');

async function readText(file: string): Promise<Found> {
  try {
    return { text: await readFile(file, 'utf8') };
  } catch (error) {
    return { fault: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String((error as NodeJS.ErrnoException).code ?? error) };
  }
}
