import { PING } from '../protocol/control-frames.ts'
import type { Frame } from '../protocol/frame.ts'
import type { Since } from '../protocol/protocol.ts'
import type { KeptDelivery } from './kept-delivery.ts'
import { type ReplayingSession, type ReplayRequest, Replays, type ReplaysHost } from './replays.ts'

/** A session, as its part of the history sees it. */
interface HistorySession extends ReplayingSession {
  readonly patterns: ReplayingSession['patterns'] & {
    /** Whether frames wait for a decision. */
    readonly holds: boolean
    /** Calls `act` when all frames that wait for a decision have been decided about. */
    afterHeld(act: () => void): void
  }
}

interface SessionHistoryHost extends ReplaysHost {
  readonly kept: KeptDelivery
}

/** The history of one session: its position, and its replays. */
export class SessionHistory {
  readonly #session: HistorySession
  readonly #host: SessionHistoryHost
  /** Created by the first replay: most sessions have none. */
  #replays: Replays | undefined
  /** Where the replay of the handshake begins. */
  #since: Since | undefined
  /** Cursor of the position at the beginning: what has come since then follows `welcome`. */
  #cursor: string | undefined

  constructor(session: HistorySession, host: SessionHistoryHost, since: Since | undefined) {
    this.#session = session
    this.#host = host
    this.#since = since
    if (since === undefined) this.#cursor = host.kept.cursor
    else this.#created.prepare()
  }

  /** A ping, with the position if no message waits: the position must not overtake messages. */
  get ping(): Frame {
    return this.#replays?.active || this.#session.patterns.holds ? PING : this.#host.kept.ping
  }

  /** Makes a published message wait if it is kept and a replay is under way. Returns whether it does. */
  hold(frame: Frame): boolean {
    if (frame.seq === 0 || !this.#replays?.active) return false
    this.#replays.hold(frame)
    return true
  }

  /** Answers a `subscribe` frame, and replays what it asks for. */
  subscribed(request: ReplayRequest): void {
    const { position, history } = this.#host.kept
    const { since, reply } = request
    this.#session.patterns.afterHeld(() => {
      if (since !== undefined || this.#replays?.active) this.#created.begin(request, position)
      else if (reply) this.#session.push(reply(history?.cursorOf(position)))
    })
  }

  /** Takes the position for `welcome`. Undefined if a replay follows, whose end has it. */
  takeCursor(): string | undefined {
    const cursor = this.#cursor
    this.#cursor = undefined
    return cursor
  }

  /** Begins the replay of the handshake, after `welcome`. */
  begin(): void {
    if (this.#since === undefined) return
    const request = {
      patterns: this.#session.subscriptions,
      since: this.#since,
      id: undefined,
      reply: undefined,
    }
    this.#since = undefined
    const { kept } = this.#host
    const start = () => {
      const { position } = kept
      this.#session.patterns.afterHeld(() => this.#created.beginFirst(request, position))
    }
    // This node may be behind the node on which the client was.
    const reached = kept.history?.reach(request.since)
    if (reached) void reached.then(start)
    else start()
  }

  get #created(): Replays {
    return (this.#replays ??= new Replays(this.#session, this.#host))
  }
}
