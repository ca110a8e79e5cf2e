import type { KeptStream, KeptStreamHost } from '../history/history.ts'
import type { KeptMessage } from '../history/store.ts'
import { PING, pingFrame, replayedFrame } from '../protocol/control-frames.ts'
import type { Frame } from '../protocol/frame.ts'
import type { GapReason } from '../protocol/protocol.ts'
import type { FanOut } from './fan-out.ts'
import { ReplayTurns } from './replay-turns.ts'

/** Delivers stored messages to the sessions of this node, and knows how far it has come. */
export class KeptDelivery implements KeptStreamHost {
  /** Undefined in an app that keeps no messages. */
  history: KeptStream | undefined
  readonly #fanOut: FanOut
  readonly #inOrder: (act: () => void) => void
  readonly #sessions: () => Iterable<{ readonly history: { lost(frame: Frame): void } }>
  /** The turns of the replays of this node. */
  readonly turns = new ReplayTurns()
  #position = 0
  #ping: { readonly frame: Frame; readonly cursor: string | undefined } = { frame: PING, cursor: undefined }

  /**
   * @param inOrder calls `act` now, or after the deliveries under way
   * @param sessions the sessions of this node
   */
  constructor(
    fanOut: FanOut,
    inOrder: (act: () => void) => void,
    sessions: () => Iterable<{ readonly history: { lost(frame: Frame): void } }>,
  ) {
    this.#fanOut = fanOut
    this.#inOrder = inOrder
    this.#sessions = sessions
  }

  /** Delivers the messages of a history. Called once, before the start. */
  use(history: KeptStream | undefined): void {
    this.history = history
    history?.connect(this)
  }

  /** Number of the last message that the sessions have got, or that was stored before the start. */
  get position(): number {
    const delivered = this.history?.delivered ?? 0
    // Before the first delivery, the sessions are where the stream was at its start. A stream that was created anew begins
    // with lower numbers.
    return this.#position === 0 || this.#position > delivered ? delivered : this.#position
  }

  /** The cursor of the position. Undefined without a history, and until its stream is known. */
  get cursor(): string | undefined {
    return this.history?.cursorOf(this.position)
  }

  /** A ping with the position. The sessions share it. */
  get ping(): Frame {
    const { cursor } = this
    if (cursor !== this.#ping.cursor)
      this.#ping = { cursor, frame: cursor ? pingFrame(cursor, this.position) : PING }
    return this.#ping.frame
  }

  lost(reason: GapReason): void {
    this.#inOrder(() => {
      // The numbers may begin anew.
      this.#position = 0
      const { cursor, position } = this
      const frame = replayedFrame({ recovered: false, reason, ...(cursor && { cursor }) }, position)
      for (const { history } of [...this.#sessions()]) history.lost(frame)
    })
  }

  deliver(message: KeptMessage): void {
    this.#inOrder(() => {
      this.#position = message.seq
      const { topics, except } = message
      this.#fanOut.deliver(topics, (this.history as KeptStream).frameOf(message, false), except)
    })
  }
}
