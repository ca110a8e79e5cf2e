import type { ResponseStream } from './response-stream.ts'

export interface HeldResponseSettings {
  /** Resolves when the owner has taken the response for its session's stream. */
  readonly attached: Promise<unknown>
  readonly open: (closed: () => void) => ResponseStream
  /** Tells the owner that the response has closed. */
  readonly broken: () => Promise<unknown>
}

/** A response that another node, the owner of its session, writes to. */
export class HeldResponse {
  /** The node that writes. */
  readonly owner: string
  /** Resolves when the response streams; rejects with why the owner does not take it. */
  readonly opened: Promise<ResponseStream>
  /** Resolves when the response has closed and the owner knows. */
  readonly ended: Promise<void>
  #ownerKnows = false

  constructor(owner: string, { attached, open, broken }: HeldResponseSettings) {
    this.owner = owner
    let close = () => {}
    const closed = new Promise<void>((resolve) => {
      close = resolve
    })
    this.opened = attached.then(() => open(close))
    // An owner whose answer did not come in time may still have taken it.
    this.opened.catch(close)
    const tell = async () => {
      if (!this.#ownerKnows) await broken()
    }
    // Whom it does not reach, a node that has left or is cut off, knows already.
    this.ended = closed.then(tell).catch(() => {})
  }

  /** The owner ends it. @param timeout milliseconds for what was written to leave */
  end(timeout: number): void {
    this.#ownerKnows = true
    this.interrupt(timeout)
  }

  /** Ends it for reasons of this node's own. */
  interrupt(timeout: number): void {
    this.#act((stream) => stream.end(timeout))
  }

  /** Drops it: the owner is gone, or what it has written may be lost. */
  lost(ownerIsGone: boolean): void {
    this.#ownerKnows ||= ownerIsGone
    this.#act((stream) => stream.destroy())
  }

  #act(act: (stream: ResponseStream) => void): void {
    this.opened.then(act, () => {})
  }
}
