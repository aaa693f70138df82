import type { Deal } from '../assignment/index.ts';

/** Deals that can be under way at once, in different pools. */
const DEALS_REMEMBERED = 256;

type OpenDeal = Deal & { readonly givers: Set<string> };

/** Deals under way whose tickets come one by one, by the number that they have in history. */
export class Deals {
  readonly #open = new Map<number, OpenDeal>();

  /** The deal of this number, with whom its caller left out; `newNumber` makes the number that it has here. */
  get(dealId: number, excluded: readonly string[], newNumber: () => number): Deal {
    let deal = this.#open.get(dealId);
    if (!deal) {
      deal = { dealId: newNumber(), received: new Map(), givers: new Set(), receivers: undefined };
      this.#open.set(dealId, deal);
      const [oldest] = this.#open.keys();
      if (this.#open.size > DEALS_REMEMBERED && oldest !== undefined) this.#open.delete(oldest);
    }
    for (const agentId of excluded) deal.givers.add(agentId);
    return deal;
  }
}
