import { expect, it } from 'vitest';
import { createDocketClient } from '../../src/client/index.ts';
import { readContract } from './contract.ts';

it('the TypeScript client has every RPC of every service', () => {
  const { transport: _, close: __, ...clients } = createDocketClient({ baseUrl: 'http://127.0.0.1', token: '' });
  const had = Object.values(clients).map((client) => Object.keys(client));
  const wanted = readContract().services.map((service) => service.methods.map(({ localName }) => localName));
  expect(had.toSorted()).toEqual(wanted.toSorted());
});
