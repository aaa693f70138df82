import type { LoadRun, Subject } from './subject.ts';

/** Grows as needed; a plain array of so many numbers would be collected in the middle of a run. */
class Samples {
  #values = new Float32Array(1 << 16);
  #length = 0;

  add(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  all(): Float32Array {
    return this.#values.slice(0, this.#length);
  }
}

/**
 * A closed loop: `inFlight` calls are open at every moment, each answered one is followed by the next, and
 * after `seconds` what is open is waited for. Rejects with the first call that failed.
 */
export async function drive(subject: Subject, inFlight: number, seconds: number): Promise<LoadRun> {
  const samples = new Samples();
  let tickets = 0;
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const end = start + seconds * 1000;
  const work = async (worker: number): Promise<void> => {
    for (let before = performance.now(); before < end; ) {
      const made = await subject.call(worker);
      tickets += made;
      const after = performance.now();
      samples.add(after - before);
      before = after;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)));
  const cpu = process.cpuUsage(cpuBefore);
  return { seconds: (performance.now() - start) / 1000, samplesMs: samples.all(), tickets, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
}
