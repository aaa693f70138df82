import { readdirSync } from 'node:fs';
import type { DescFile, DescMethod, DescService } from '@bufbuild/protobuf';
import { UsageWrong } from '../running/failures.ts';
import { nearest } from '../running/nearest.ts';

const GENERATED = new URL('../../../../gen/ticketing/v1/', import.meta.url);

/** Every service of the contract, from the generated code as it is there: a new one needs no line here. */
export async function loadServices(): Promise<DescService[]> {
  const files = readdirSync(GENERATED)
    .filter((name) => name.endsWith('_service_pb.ts'))
    .sort();
  const modules = await Promise.all(files.map((name) => import(new URL(name, GENERATED).href) as Promise<Record<string, unknown>>));
  return modules.flatMap((module) => Object.values(module).filter(isFile)).flatMap(({ services }) => services);
}

const isFile = (value: unknown): value is DescFile => (value as DescFile | undefined)?.kind === 'file';

/** `TicketService/GetTicket`, as it is written after `docket call`. */
export const shortName = (method: DescMethod): string => `${method.parent.name}/${method.name}`;

/**
 * The method with this name: `TicketService/GetTicket`, in full with the package, or with a dot instead of the slash. Letters count as large or small
 * alike, and the service may be left out where only one has such a method.
 * @throws UsageWrong naming the one that is meant, perhaps.
 */
export function findMethod(services: readonly DescService[], name: string): DescMethod {
  const methods = services.flatMap((service) => service.methods);
  const wanted = name
    .replace(/^\//, '')
    .replace(/^ticketing\.v1\./i, '')
    .replace('.', '/')
    .toLowerCase();
  const found = methods.filter((method) => [shortName(method), method.name].some((each) => each.toLowerCase() === wanted));
  if (found[0] && found.length === 1) return found[0];
  if (found.length > 1) throw new UsageWrong(`${name} is in several services: ${found.map(shortName).join(', ')}`);
  const meant =
    nearest(wanted, methods.map(shortName)) ??
    nearest(
      wanted.split('/').at(-1) ?? '',
      methods.map((method) => method.name),
    );
  throw new UsageWrong(`there is no RPC ${JSON.stringify(name)}; ${meant ? `${meant} is meant, perhaps` : '`docket call` lists all of them'}`);
}
