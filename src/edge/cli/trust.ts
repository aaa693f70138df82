import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SecureClientSessionOptions } from 'node:http2';

/** Files that say whom a command believes, and who it is itself, when it calls a service by TLS. */
export interface TrustFiles {
  /** Authorities, PEM; undefined: those that Node knows. */
  readonly caFile: string | undefined;
  readonly clientCertFile: string | undefined;
  readonly clientKeyFile: string | undefined;
  /** The certificate of the service on this machine, which is recognised as it is; undefined when the address is another's. */
  readonly ownCertFile: string | undefined;
}

/** A file with certificates or a key cannot be used; the message names it. */
export class TrustFileInvalid extends Error {
  override readonly name = 'TrustFileInvalid';
}

/**
 * The files' contents as options of a connection.
 * @throws TrustFileInvalid
 */
export async function readTrust(files: TrustFiles): Promise<SecureClientSessionOptions> {
  const [ca, cert, key, own] = await Promise.all([files.caFile, files.clientCertFile, files.clientKeyFile, files.ownCertFile].map(readPem));
  return { ...(cert && { cert }), ...(key && { key }), ...(ca ? { ca } : own && recognise(own, files.ownCertFile ?? '')) };
}

/** Nothing is asked of the names in it: it is the very certificate, whoever signed it. */
function recognise(pem: string, file: string): SecureClientSessionOptions {
  const expected = fingerprintOf(pem, file);
  return {
    ca: pem,
    allowPartialTrustChain: true,
    checkServerIdentity: (_host, { fingerprint256 }) =>
      fingerprint256 === expected ? undefined : new Error(`the certificate is not the one in ${file}; name the authority with --ca`),
  };
}

function fingerprintOf(pem: string, file: string): string {
  try {
    return new X509Certificate(pem).fingerprint256;
  } catch {
    throw new TrustFileInvalid(`${file} holds no certificate in PEM`);
  }
}

async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new TrustFileInvalid(error.code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read (${error.code})`);
  });
  if (!text.includes('-----BEGIN ')) throw new TrustFileInvalid(`${file} holds nothing in PEM`);
  return text;
}
