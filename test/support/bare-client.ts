import { onTestFinished, vi } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'

/** A frame as it was received. */
export type Received = Record<string, unknown> & {
  readonly type?: string
  readonly topic?: string
  readonly id?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read payloads of every shape
  readonly payload?: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly error?: any
}

/** A WebSocket client without the Rookery library: it sends text and records the frames that it gets. */
export class BareClient {
  readonly frames: Received[] = []
  readonly socket: WebSocket
  closed: { readonly code: number; readonly reason: string } | undefined
  #id = 0

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), options)
    this.socket.on('message', (data) => this.frames.push(JSON.parse(String(data)) as Received))
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
    })
    this.socket.on('error', () => {})
    onTestFinished(() => this.socket.terminate())
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame))
  }

  /** Sends a frame with an id and resolves with the reply. */
  async ask(frame: object): Promise<Received> {
    const id = ++this.#id
    this.send({ ...frame, id })
    return await this.until((received) => received.type === 'reply' && received.id === id)
  }

  /** Resolves with the first frame that fits, whether it has arrived already or arrives later. */
  async until(fits: (frame: Received) => boolean): Promise<Received> {
    return await vi.waitFor(
      () => {
        const frame = this.frames.find(fits)
        if (!frame) throw new Error(`no such frame yet among ${JSON.stringify(this.frames).slice(0, 2000)}`)
        return frame
      },
      { interval: 5 },
    )
  }

  /** Payloads of the messages received on a topic so far. */
  on(topic: string): unknown[] {
    return this.frames.filter((frame) => frame.topic === topic).map(({ payload }) => payload)
  }

  async untilClosed(): Promise<{ readonly code: number; readonly reason: string }> {
    return await vi.waitFor(
      () => {
        if (!this.closed) throw new Error('still open')
        return this.closed
      },
      { interval: 5 },
    )
  }
}

/** Connects and waits for `welcome`. */
export const connectBare = async (
  url: string,
  query = '',
  options: ClientOptions = {},
): Promise<BareClient> => {
  const client = new BareClient(`${url}/api/v1/ws${query}`, options)
  await client.until(({ type }) => type === 'welcome')
  return client
}
