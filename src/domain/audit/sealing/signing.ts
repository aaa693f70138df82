import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';

/** Signs seals with Ed25519 (RFC 8032). */
export interface Signer {
  /** Names the key: the first 16 hexadecimal digits of the SHA-256 of its public half (SPKI, DER). */
  readonly keyId: string;
  /** To give to those who verify, in PEM. */
  readonly publicKey: string;
  sign(text: string): Buffer;
}

/** Public keys by their ids. */
export type PublicKeys = ReadonlyMap<string, KeyObject>;

const keyIdOf = (key: KeyObject): string => hash('sha256', key.export({ type: 'spki', format: 'der' }), 'hex').slice(0, 16);

/** A signer by its private key in PEM. @throws Error when it is none of Ed25519. */
export function openSigner(pem: string): Signer {
  const key = ed25519(createPrivateKey(pem));
  const publicKey = createPublicKey(key);
  return {
    keyId: keyIdOf(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (text) => sign(null, Buffer.from(text), key),
  };
}

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g;

/** All public keys in a text of PEM blocks. @throws Error when one is none of Ed25519. */
export function readPublicKeys(pem: string): PublicKeys {
  const keys = (pem.match(PUBLIC_KEY) ?? []).map((block) => ed25519(createPublicKey(block)));
  return new Map(keys.map((key) => [keyIdOf(key), key]));
}

/** Keys as PEM blocks. */
export const writePublicKeys = (keys: PublicKeys): string => [...keys.values()].map((key) => key.export({ type: 'spki', format: 'pem' })).join('');

/** Whether a text was signed with the key of that id; undefined when that key is not known. */
export function isSigned(keys: PublicKeys, keyId: string, text: string, signature: Uint8Array): boolean | undefined {
  const key = keys.get(keyId);
  return key && verify(null, Buffer.from(text), key, signature);
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`the key must be an Ed25519 key, not ${key.asymmetricKeyType}`);
  return key;
}
