import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openSigner, type PublicKeys, readPublicKeys, type Signer } from '../../domain/audit/index.ts';
import type { Config } from '../../foundation/config/index.ts';
import { ensurePrivateFile } from '../../foundation/private-file.ts';

/** What seals are signed with, and what signatures are believed. */
export interface AuditKeys {
  readonly signer: Signer | undefined;
  readonly trusted: PublicKeys;
}

/** Where the key of the embedded database is kept, with mode 0600. */
export const ownKeyFile = (config: Config): string => join(resolve(config.dataDirectory), 'audit-signing-key.pem');

/**
 * The configured keys; on the embedded database one is made at the first start, if none is configured. None on another one: then seals are not signed.
 * @throws Error that names the setting whose file cannot be used.
 */
export async function openAuditKeys(config: Config, embedded: boolean): Promise<AuditKeys> {
  const file = config.auditKeyFile ?? (embedded ? ownKeyFile(config) : undefined);
  if (file !== undefined && config.auditKeyFile === undefined) await ensureKey(file);
  const signer = file === undefined ? undefined : await readAs('DOCKET_AUDIT_KEY_FILE', file, openSigner);
  const older = config.auditTrustedKeysFile ? await readAs('DOCKET_AUDIT_TRUSTED_KEYS_FILE', config.auditTrustedKeysFile, readKeys) : new Map();
  return { signer, trusted: new Map([...older, ...(signer ? readPublicKeys(signer.publicKey) : [])]) };
}

/** The signer of this machine as far as there is one: its key is not made. */
export async function findSigner(config: Config): Promise<Signer | undefined> {
  if (config.auditKeyFile !== undefined) return readAs('DOCKET_AUDIT_KEY_FILE', config.auditKeyFile, openSigner);
  const own = await readFile(ownKeyFile(config), 'utf8').catch(() => undefined);
  return own === undefined ? undefined : openSigner(own);
}

function readKeys(pem: string): PublicKeys {
  const keys = readPublicKeys(pem);
  if (keys.size === 0) throw new Error('there is no PEM block of a public key in it');
  return keys;
}

async function readAs<Result>(setting: string, file: string, read: (text: string) => Result): Promise<Result> {
  try {
    return read(await readFile(file, 'utf8'));
  } catch (error) {
    // The file's content is never told.
    throw new Error(`${setting}: ${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Makes the key unless it is there. */
function ensureKey(file: string): Promise<void> {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  return ensurePrivateFile(file, pem.toString());
}
