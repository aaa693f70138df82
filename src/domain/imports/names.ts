import { createHash } from 'node:crypto';

const GROUP_KEY_LENGTH = 16;
const AGENT_ID_LENGTH = 64;

/**
 * The key of a group that a file calls `name`: its letters A–Z and digits ("Group 56" → GROUP56). A name
 * that leaves none, begins with a digit or is too long gets a part of its hash, so that two names stay two.
 */
export function groupKeyOf(name: string): string {
  const letters = withoutAccents(name)
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '');
  if (/^[A-Z]/.test(letters) && letters.length <= GROUP_KEY_LENGTH) return letters;
  const hash = hashOf(name.toLowerCase(), 6).toUpperCase();
  return `G${letters.slice(0, GROUP_KEY_LENGTH - 1 - hash.length)}${hash}`;
}

/** The id of an agent whom a file calls `name`: the name itself where it can be one, else "Jane Doe" → jane-doe. */
export function agentIdOf(name: string): string {
  if (/^[A-Za-z0-9._@+-]{1,64}$/.test(name)) return name;
  const letters = withoutAccents(name)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._@+]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  if (letters !== '' && letters.length <= AGENT_ID_LENGTH && !/[^\p{ASCII}\p{M}]/u.test(name.normalize('NFKD'))) return letters;
  const hash = hashOf(name.toLowerCase(), 8);
  return `${letters.slice(0, AGENT_ID_LENGTH - 1 - hash.length) || 'agent'}-${hash}`;
}

const withoutAccents = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '');
const hashOf = (text: string, length: number): string => createHash('sha256').update(text).digest('hex').slice(0, length);
