import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../../../foundation/config/index.ts';
import { findSigner, ownKeyFile } from '../../sealing/keys.ts';
import { profilesFileOf, readProfiles } from '../profiles/file.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** The key that seals are signed with. */
export async function examineAuditKey(config: Config): Promise<Finding[]> {
  const file = config.auditKeyFile ?? ownKeyFile(config);
  try {
    const signer = await findSigner(config);
    if (signer) return [ok('audit key', `${file} signs the seals`), ...(await openFinding('audit key', file))];
  } catch (error) {
    return [
      wrong(
        'audit key',
        (error as Error).message,
        'name a file with an Ed25519 private key (openssl genpkey -algorithm ed25519), readable for the user who runs Docket',
      ),
    ];
  }
  if (config.databaseUrl === undefined) return [ok('audit key', `${file} is made at the first start`)];
  return [warning('audit key', 'seals of the audit log are not signed', 'openssl genpkey -algorithm ed25519 -out KEY.pem, and set DOCKET_AUDIT_KEY_FILE')];
}

/** Certificate and key of both ports. */
export async function examineTls(config: Config): Promise<Finding[]> {
  const { tlsCertFile, tlsKeyFile } = config;
  if (tlsCertFile === undefined || tlsKeyFile === undefined) return [];
  try {
    const certificate = new X509Certificate(await readFile(tlsCertFile));
    const key = createPrivateKey(await readFile(tlsKeyFile));
    if (!certificate.checkPrivateKey(key)) return [wrong('tls', `${tlsKeyFile} is not the key of ${tlsCertFile}`, 'name the two that belong together')];
    return [expiryFinding(certificate.validToDate.getTime() - Date.now(), tlsCertFile), ...(await openFinding('tls', tlsKeyFile))];
  } catch (error) {
    return [
      wrong(
        'tls',
        `certificate or key cannot be used: ${(error as Error).message}`,
        'correct DOCKET_TLS_CERT_FILE and DOCKET_TLS_KEY_FILE: PEM, the key not encrypted, both readable',
      ),
    ];
  }
}

function expiryFinding(leftMs: number, file: string): Finding {
  const days = Math.floor(leftMs / DAY_MS);
  const cure = 'renew it: a service reads the file anew when it changes';
  if (leftMs <= 0) return wrong('tls', `the certificate in ${file} has expired`, cure);
  return days < SOON_DAYS
    ? warning('tls', `the certificate in ${file} expires in ${days} days`, cure)
    : ok('tls', `the certificate in ${file} is good for ${days} days`);
}

/** Files with tokens in them. */
export async function examineTokens(config: Config): Promise<Finding[]> {
  const findings = await openFinding('tokens', join(resolve(config.dataDirectory), 'administrator-token'));
  try {
    const { profiles } = await readProfiles(profilesFileOf(config));
    for (const profile of Object.values(profiles))
      if (profile.token_file) findings.push(...(await openFinding('tokens', resolve(join(profilesFileOf(config), '..'), profile.token_file))));
  } catch (error) {
    findings.push(wrong('tokens', (error as Error).message, 'correct it by hand, or remove it and make the profiles anew with docket profile set'));
  }
  return findings.length > 0 ? findings : [ok('tokens', 'no file with a token is open to others')];
}

/** Something to say if others than the owner may read a file; nothing if it is not there. */
async function openFinding(check: string, file: string): Promise<Finding[]> {
  const mode = await stat(file).then(
    (found) => found.mode & 0o777,
    () => 0,
  );
  if ((mode & 0o077) === 0) return [];
  return [wrong(check, `others than its owner may use ${file} (mode ${mode.toString(8)})`, `chmod 600 ${file}`)];
}
