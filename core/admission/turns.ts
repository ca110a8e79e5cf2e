/** One peer's share of the time that the server has for what peers send. */
export interface Flow {
  /**
   * Something has come: it is handled at once if it is little and nobody waits who has had less, and otherwise in the
   * peer's turn. Does nothing while the flow waits for its turn already.
   *
   * @param bytes how much waits @default 0
   */
  ready(bytes?: number): void
}

/** A flow, and its place among those that wait. */
export class Turns implements Flow {
  start = 0
  /** End of what was served last, on the clock that all share. */
  end = 0
  /** The same in milliseconds. */
  served = 0
  /** Milliseconds that the process worked for it then. */
  worked = 0
  /** Of those with the same start the one that came first is first. */
  order = 0
  waiting = false
  readonly handle: () => boolean
  readonly #ready: (flow: Turns, bytes: number) => void

  constructor(handle: () => boolean, ready: (flow: Turns, bytes: number) => void) {
    this.handle = handle
    this.#ready = ready
  }

  ready(bytes = 0): void {
    this.#ready(this, bytes)
  }
}

/** Of two that wait, whether the first is served first. */
export const isBefore = (a: Turns, b: Turns): boolean =>
  a.start < b.start || (a.start === b.start && a.order < b.order)
