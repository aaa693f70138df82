import type { Scenario } from '../scenario.ts';
import { create1 } from './create-1.ts';
import { create64 } from './create-64.ts';

/** Every scenario, in the order in which they run: the only list. */
export const scenarios: readonly Scenario[] = [create64, create1];
