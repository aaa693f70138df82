import { BATCH_CAP, EXPECTED_MS, SMALLEST_SHARE } from '../src/foundation/commands/waiting-line.ts';
import { Clock, Lock, Servers, type Then, Thread } from './scaling-clock.ts';

/** What things cost, in milliseconds of one core's time unless it says otherwise. `npm run bench` measures them. */
export interface Costs {
  /** The service: for each call, from its bytes to its answer. */
  readonly callMs: number;
  /** The database: for each unit of work, whatever it carries. */
  readonly unitMs: number;
  /** The database: for each ticket. */
  readonly ticketMs: number;
  /** What a commit waits for the disk, or for a standby; takes no core's time. */
  readonly commitMs: number;
  /** From the service to the database and back; takes no core's time. */
  readonly roundTripMs: number;
  /** The load: for each call, where it shares the cores. */
  readonly loadMs: number;
}

/** What is simulated. */
export interface Setup {
  readonly processes: number;
  readonly pools: number;
  /** Calls open at every moment, spread over the processes; each goes to a pool at random. */
  readonly callers: number;
  /** Cores of the services' machines, and of the database's; a single number when all share one machine. */
  readonly cores: number | { readonly service: number; readonly database: number };
  /** Units of work in flight in each process. */
  readonly lanes: number;
  /** Pools that one unit of work holds at most. */
  readonly poolsPerUnit: number;
  /** Whether all calls for a pool go to one process, as a balancer that looks at the group could see to. */
  readonly byPool: boolean;
}

/** What came of it. */
export interface Outcome {
  readonly ticketsPerSecond: number;
  /** Tickets in one commit, on average. */
  readonly batch: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of its time that the busiest pool was locked. */
  readonly lockedShare: number;
}

/** Of a call's work in the service: before it waits, while the batch is planned, and when it is answered. */
const BEFORE = 0.5;
const PLANNED = 0.2;
const ANSWERED = 0.3;
/** Of a unit's work in the database: until its locks are held and its look-ups answered. */
const OPENED = 0.4;

interface World {
  readonly clock: Clock;
  readonly costs: Costs;
  readonly database: Servers;
  readonly locks: readonly Lock[];
  readonly lanes: number;
  readonly poolsPerUnit: number;
  carried(tickets: number): void;
}

interface Waiting {
  readonly pool: number;
  readonly answer: Then;
}

/** A unit of work, with as many calls as it was expected to take. */
interface UnderWay {
  readonly calls: number;
  isLate: boolean;
}

/** One process of the service: the queue of changes, as the real one gathers and takes them. */
class Process {
  readonly #world: World;
  readonly #thread: Thread;
  #line: Waiting[] = [];
  readonly #held = new Set<number>();
  readonly #underWay = new Set<UnderWay>();
  #lastTaken = 0;

  constructor(world: World, cores: Servers) {
    this.#world = world;
    this.#thread = new Thread(cores);
  }

  call(pool: number, answer: Then): void {
    this.#thread.run(this.#world.costs.callMs * BEFORE, () => {
      this.#line.push({ pool, answer });
      this.#pump();
    });
  }

  #pump(): void {
    const { clock, costs, lanes, poolsPerUnit } = this.#world;
    while (this.#underWay.size < lanes) {
      const pools = [...new Set(this.#line.flatMap(({ pool }) => (this.#held.has(pool) ? [] : [pool])))].slice(0, poolsPerUnit).sort((a, b) => a - b);
      const calls = this.#expect(new Set(pools)).length;
      if (calls === 0 || calls < Math.max(0, ...[...this.#underWay].map((unit) => (unit.isLate ? 0 : unit.calls)))) return;
      const unit: UnderWay = { calls, isLate: false };
      this.#underWay.add(unit);
      for (const pool of pools) this.#held.add(pool);
      clock.after(EXPECTED_MS, () => {
        unit.isLate = true;
        this.#pump();
      });
      clock.after(costs.roundTripMs / 2, () => this.#lock(unit, pools, 0));
    }
  }

  #lock(unit: UnderWay, pools: readonly number[], at: number): void {
    const { clock, costs, database, locks } = this.#world;
    if (at < pools.length) locks[pools[at] as number]?.take(() => this.#lock(unit, pools, at + 1));
    else database.run(costs.unitMs * OPENED, () => clock.after(costs.roundTripMs, () => this.#carryOut(unit, pools)));
  }

  #carryOut(unit: UnderWay, pools: readonly number[]): void {
    const { clock, costs, database, locks } = this.#world;
    const batch = this.#take(new Set(pools));
    this.#world.carried(batch.length);
    this.#thread.run(costs.callMs * PLANNED * batch.length, () => {
      database.run(costs.unitMs * (1 - OPENED) + costs.ticketMs * batch.length, () => {
        clock.after(costs.commitMs, () => {
          for (const pool of pools) locks[pool]?.release();
          clock.after(costs.roundTripMs / 2, () => this.#settle(unit, pools, batch));
        });
      });
    });
  }

  #settle(unit: UnderWay, pools: readonly number[], batch: readonly Waiting[]): void {
    this.#underWay.delete(unit);
    for (const pool of pools) this.#held.delete(pool);
    this.#pump();
    for (const { answer } of batch) this.#thread.run(this.#world.costs.callMs * ANSWERED, answer);
  }

  #expect(pools: ReadonlySet<number>): Waiting[] {
    const places = Math.min(BATCH_CAP, Math.max(SMALLEST_SHARE, Math.ceil((this.#line.length + this.#lastTaken) / 2)));
    return this.#line.filter(({ pool }) => pools.has(pool)).slice(0, places);
  }

  #take(pools: ReadonlySet<number>): Waiting[] {
    const taken = this.#expect(pools);
    const gone = new Set(taken);
    this.#line = this.#line.filter((waiting) => !gone.has(waiting));
    this.#lastTaken = taken.length;
    return taken;
  }
}

/** Numbers from 0 to 1 that look random and are the same for one seed. */
function makeDice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

/** Runs a setup for so many simulated seconds, after a fifth of them to warm up; the same for the same seed. */
export function simulate(setup: Setup, costs: Costs, options: { readonly seconds: number; readonly seed: number }): Outcome {
  const clock = new Clock();
  const dice = makeDice(options.seed);
  const shared = typeof setup.cores === 'number' ? new Servers(clock, setup.cores) : undefined;
  const coresOf = (what: 'service' | 'database'): Servers => shared ?? new Servers(clock, typeof setup.cores === 'number' ? setup.cores : setup.cores[what]);
  const locks = Array.from({ length: setup.pools }, () => new Lock(clock));
  const batches: number[] = [];
  const { lanes, poolsPerUnit } = setup;
  const world: World = { clock, costs, database: coresOf('database'), locks, lanes, poolsPerUnit, carried: (tickets) => void batches.push(tickets) };
  const service = coresOf('service');
  const processes = Array.from({ length: setup.processes }, () => new Process(world, service));
  const load = shared ?? new Servers(clock, setup.callers);
  let waits: number[] = [];
  const callAgain = (caller: number): void => {
    load.run(costs.loadMs, () => {
      const start = clock.now;
      const pool = Math.floor(dice() * setup.pools);
      processes[(setup.byPool ? pool : caller) % processes.length]?.call(pool, () => {
        waits.push(clock.now - start);
        callAgain(caller);
      });
    });
  };
  for (let caller = 0; caller < setup.callers; caller++) callAgain(caller);
  clock.runUntil(options.seconds * 200);
  waits = [];
  batches.length = 0;
  const heldBefore = locks.map((lock) => lock.heldMs);
  clock.runUntil(options.seconds * 1200);
  waits.sort((a, b) => a - b);
  return {
    ticketsPerSecond: waits.length / options.seconds,
    batch: batches.reduce((sum, tickets) => sum + tickets, 0) / Math.max(1, batches.filter((tickets) => tickets > 0).length),
    p50Ms: waits[Math.floor(waits.length * 0.5)] ?? Number.NaN,
    p99Ms: waits[Math.floor(waits.length * 0.99)] ?? Number.NaN,
    lockedShare: Math.min(1, Math.max(...locks.map((lock, at) => lock.heldMs - (heldBefore[at] ?? 0))) / (options.seconds * 1000)),
  };
}
