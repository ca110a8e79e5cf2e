import { type Client, createClient, segment } from 'rookery/client/websocket'
import { WebSocket } from 'ws'
import type { Frame, GameContract, Input } from './contract.ts'
import { TickMeter } from './tick-meter.ts'

/** One player in a match. */
export class Player {
  readonly meter = new TickMeter()
  /** The latest frame: what a game draws. */
  frame: Frame | undefined
  id = ''
  readonly #client: Client<GameContract>
  readonly #match: string

  constructor(url: string, match: string, onFrame: (frame: Frame) => void = () => {}) {
    this.#match = segment(match)
    // The client without a fallback: over server-sent events, inputs would travel in HTTP requests.
    this.#client = createClient<GameContract>({ url, WebSocket })
    // The server forgets a player whose connection is lost.
    this.#client.on('open', () => void this.#join())
    this.#client.subscribe(`matches/${this.#match}/frame`, (frame) => {
      this.meter.count(frame.tick, performance.now())
      this.frame = frame
      onFrame(frame)
    })
  }

  /** Moves from the next tick on. Without a connection, the input is dropped: it would be wrong later. */
  steer(input: Input): void {
    this.#client.send(`matches/${this.#match}/input`, input, { volatile: true })
  }

  close(): void {
    this.#client.close()
  }

  async #join(): Promise<void> {
    try {
      this.id = (await this.#client.call(`matches/${this.#match}/join`)).player
    } catch (error) {
      // Without a connection, the next `open` joins again.
      if (this.#client.state === 'open') throw error
    }
  }
}
