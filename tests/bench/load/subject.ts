/** Something that can be done again and again, by as many workers at once as are in flight. */
export interface Subject {
  /** Does it once, checks the answer, and resolves with how many tickets it made; rejects when it failed. `worker` counts from 0. */
  call(worker: number): Promise<number>;
  close(): Promise<void>;
}

/** What a load process is told to do. It reaches the process as a message: plain values alone. */
export interface LoadOrder {
  /** A name of the list of subjects. */
  readonly subject: string;
  /** What that subject needs to know. */
  readonly parameters: unknown;
  readonly inFlight: number;
}

/** Gets a subject ready for so many workers. */
export type OpenSubject = (parameters: never, inFlight: number) => Promise<Subject>;

/** What came of driving a subject for a while. */
export interface LoadRun {
  /** From the first call to the last answer. */
  readonly seconds: number;
  /** How long each call took. */
  readonly samplesMs: Float32Array;
  /** Tickets that the answers told of. */
  readonly tickets: number;
  /** CPU time of the load process itself. */
  readonly cpuSeconds: number;
}
