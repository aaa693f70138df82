import { type Instant, timeOfChange } from './clock.ts';
import { EtagMismatch } from './errors.ts';

/** The etag of a row at this version. Opaque to callers. */
export const etagOf = (version: number | string): string => `${version}`;

/** Throws `EtagMismatch` unless the etag is that of this version, or empty, which fits every version. */
export function assertEtag(resource: string, id: string, etag: string, version: number | string): void {
  if (etag !== '' && etag !== etagOf(version)) throw new EtagMismatch(resource, id);
}

/** The version and the time of a thing that is changed now: no two versions of it share a time. */
export const nextVersion = (now: Instant, { version, updateTime }: { readonly version: number; readonly updateTime: Instant }) => ({
  version: version + 1,
  updateTime: timeOfChange(now, updateTime),
});
