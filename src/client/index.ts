export type { CallingOptions, TokenSource } from './calling.ts';
export { createDocketClient, type DocketClient, type DocketClientOptions } from './docket-client.ts';
export { factsOf, type Reason, reasonOf, requestIdOf, retryDelayMsOf, type Violation, violationsOf } from './failures.ts';
export type { ItemOf, Listing, Page } from './listing.ts';
export { type DocketCallOptions, type DocketServices, docketServicesOver, type ServiceClient } from './over-transport.ts';
