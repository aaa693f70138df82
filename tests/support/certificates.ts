import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificateFiles } from '../../src/edge/rpc/certificates.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;

/** A certificate with its key, both in PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly expireTimeMs: number;
}

/** Somebody who signs certificates. */
export interface Authority {
  /** Its own certificate, in PEM. */
  readonly pem: string;
  /** A certificate for 127.0.0.1 and localhost, or for a caller; `hours` from now it expires, in the past if below 0. */
  issue(name: string, hours?: number): Promise<Issued>;
}

/** An authority of the test's own. */
export async function makeAuthority(name: string): Promise<Authority> {
  const keys = await makeKeys();
  const root = await sign(name, `CN=${name}`, keys, keys, HOUR_MS, [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
  ]);
  return {
    pem: root.toString('pem'),
    async issue(subject, hours = 1) {
      const own = await makeKeys();
      const names = new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]);
      const certificate = await sign(subject, root.subject, own, keys, hours * HOUR_MS, [names]);
      const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY');
      return { cert: certificate.toString('pem'), key, expireTimeMs: certificate.notAfter.getTime() };
    },
  };
}

const makeKeys = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

function sign(subject: string, issuer: string, keys: CryptoKeyPair, signer: CryptoKeyPair, validMs: number, extensions: Extension[]): Promise<X509Certificate> {
  // To the second, as certificates tell time.
  const notAfter = new Date(Math.floor((Date.now() + validMs) / 1000) * 1000);
  return X509CertificateGenerator.create({
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    subject: `CN=${subject}`,
    issuer,
    notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - HOUR_MS),
    notAfter,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: algorithm,
    extensions,
  });
}

/** Files that a server reads its certificates from. */
export interface KeptCertificates extends CertificateFiles {
  /** A further file beside them. */
  write(name: string, text: string): Promise<string>;
  /** Puts others in their place, each file at once. */
  put(issued: { readonly cert?: string; readonly key?: string }): Promise<void>;
  remove(): Promise<void>;
}

/** Writes certificates into a folder of their own. */
export async function keepCertificates(issued: Issued, clientCa?: string): Promise<KeptCertificates> {
  const folder = await mkdtemp(join(tmpdir(), 'docket-tls-'));
  const certFile = join(folder, 'tls.crt');
  const keyFile = join(folder, 'tls.key');
  const write = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
    return file;
  };
  const put: KeptCertificates['put'] = async ({ cert, key }) => {
    if (cert !== undefined) await write('tls.crt', cert);
    if (key !== undefined) await write('tls.key', key);
  };
  await put(issued);
  const clientCaFile = clientCa === undefined ? undefined : await write('clients.crt', clientCa);
  return { certFile, keyFile, clientCaFile, write, put, remove: () => rm(folder, { recursive: true, force: true }) };
}
