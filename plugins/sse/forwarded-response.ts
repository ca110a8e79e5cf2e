import type { ResponseStream } from './response-stream.ts'

export interface ForwardedResponseSettings {
  /** Resolves when the owner has attached the response to its session. */
  readonly attached: Promise<unknown>
  readonly open: (closed: () => void) => ResponseStream
  /** Tells the owner that the response has closed. */
  readonly reportClosed: () => Promise<unknown>
}

/** A response that this node holds, and that another node, the owner of the session, writes to. */
export class ForwardedResponse {
  /** The node that owns the session. */
  readonly owner: string
  /** Resolves when the response streams. Rejects with the reason when the owner does not attach it. */
  readonly opened: Promise<ResponseStream>
  /** Resolves when the response has closed and the owner knows. */
  readonly ended: Promise<void>
  #ownerKnows = false

  constructor(owner: string, { attached, open, reportClosed }: ForwardedResponseSettings) {
    this.owner = owner
    let close = () => {}
    const closed = new Promise<void>((resolve) => {
      close = resolve
    })
    this.opened = attached.then(() => open(close))
    // The owner may have attached the response although its answer came too late: tell it that the response is gone.
    this.opened.catch(close)
    const report = async () => {
      if (!this.#ownerKnows) await reportClosed()
    }
    // An owner that has left or is cut off gets no report. It drops the stream when it notices the change in the
    // cluster.
    this.ended = closed.then(report).catch(() => {})
  }

  /** Ends the response on behalf of the owner. @param timeout milliseconds for the buffered bytes to leave */
  end(timeout: number): void {
    this.#ownerKnows = true
    this.interrupt(timeout)
  }

  /** Ends the response without the owner. @param timeout milliseconds for the buffered bytes to leave */
  interrupt(timeout: number): void {
    this.#act((stream) => stream.end(timeout))
  }

  /** Drops the response, because the owner is gone or what it has written may be lost. */
  drop(ownerIsGone: boolean): void {
    this.#ownerKnows ||= ownerIsGone
    this.#act((stream) => stream.destroy())
  }

  #act(act: (stream: ResponseStream) => void): void {
    this.opened.then(act, () => {})
  }
}
