/** Something that can be done again and again, by as many workers at once as are in flight. */
export interface Subject {
  /** Does it once and checks the answer; rejects when it failed. `worker` counts from 0. */
  call(worker: number): Promise<unknown>;
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
  /** CPU time of the load process itself. */
  readonly cpuSeconds: number;
}
