/** The rehearsal cannot begin; the message tells the person at the terminal why, and what to do. */
export class SimulationRefused extends Error {
  override readonly name = 'SimulationRefused';
}
