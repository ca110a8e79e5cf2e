import { byId } from '../dom.ts'
import type { Room } from '../room.ts'
import type { Network } from './network.ts'

const PING_INTERVAL_MS = 3000
/** Interval while the tour measures. */
const OFTEN_MS = 100
/** Characters of ids and cursors that the panel shows. */
const SHOWN = 8

const shorten = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

/** The figures of the panel. */
export class Readings {
  readonly #room: Room
  readonly #network: Network
  readonly #signal: AbortSignal
  #roundTrip: number | undefined
  /** Round trips since `measureOften`. */
  #measured: number[] | undefined

  constructor(room: Room, network: Network, signal: AbortSignal) {
    this.#room = room
    this.#network = network
    this.#signal = signal
    this.#repeat(PING_INTERVAL_MS, signal)
    const timer = setInterval(() => this.update(), 500)
    signal.addEventListener('abort', () => clearInterval(timer))
  }

  update(): void {
    const { transport, node, session, cursor } = this.#room.facts
    const { frames } = this.#network
    this.#set('transport', transport ?? 'none')
    this.#set('node', node ?? '')
    // The rest of the id is a secret.
    this.#set('session', session === null ? '' : shorten(session.slice(session.indexOf('-') + 1)))
    this.#set('round-trip', this.#roundTrip === undefined ? '' : `${this.#roundTrip.toFixed(1)} ms`)
    this.#set('frames', `${frames.in} in, ${frames.out} out`)
    this.#set('cursor', cursor === null ? '' : shorten(cursor))
  }

  /** Measures the round trip often. The function that it returns ends that, and returns the median. */
  measureOften(): () => { readonly median: number } {
    const measured: number[] = []
    this.#measured = measured
    const stop = new AbortController()
    this.#repeat(OFTEN_MS, AbortSignal.any([stop.signal, this.#signal]))
    return () => {
      stop.abort()
      measured.sort((one, other) => one - other)
      return { median: measured[measured.length >> 1] ?? Number.NaN }
    }
  }

  #repeat(interval: number, signal: AbortSignal): void {
    const timer = setInterval(() => void this.ping(), interval)
    signal.addEventListener('abort', () => clearInterval(timer))
    void this.ping()
  }

  /** Measures a round trip. */
  async ping(): Promise<void> {
    if (this.#room.facts.transport === null) return
    try {
      const start = performance.now()
      await this.#room.ping()
      this.#roundTrip = performance.now() - start
      this.#measured?.push(this.#roundTrip)
      this.update()
    } catch {
      // The connection was lost. The status says so.
    }
  }

  #set(name: string, text: string): void {
    const place = byId(`reading-${name}`)
    if (place.textContent !== text) place.textContent = text
  }
}
