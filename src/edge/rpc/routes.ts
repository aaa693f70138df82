import type { Route } from './endpoints.ts';

/** Every service of ours that is served, with its handlers. Health and reflection come by themselves. */
export const routes: readonly Route[] = [];
