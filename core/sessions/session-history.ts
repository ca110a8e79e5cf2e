import { PING } from '../protocol/control-frames.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { Since } from '../protocol/protocol.ts'
import { withoutInboxName } from './inbox.ts'
import type { KeptDelivery } from './kept-delivery.ts'
import {
  type BeginReplay,
  type ReplayingSession,
  type ReplayRequest,
  Replays,
  type ReplaysHost,
} from './replays.ts'

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

  /**
   * Makes kept messages wait from now on, for a replay.
   *
   * @returns a function that begins the replay. It MUST be called
   */
  reserve(): BeginReplay {
    const { position } = this.#host.kept
    let begin: BeginReplay = () => {}
    const asked = new Promise<ReplayRequest>((resolve) => {
      begin = (request) =>
        resolve({ ...request, patterns: withoutInboxName(this.#session, request.patterns) })
    })
    this.#session.patterns.afterHeld(() => this.#created.begin(asked, position))
    return begin
  }

  /** Answers a `subscribe` frame without a replay, in order with the kept messages. */
  answer(reply: ReplayRequest['reply']): void {
    const { position, history } = this.#host.kept
    this.#session.patterns.afterHeld(() => {
      if (this.#replays?.active) this.#created.answer(reply, position)
      else if (reply) this.#session.push(reply(history?.cursorOf(position), position))
    })
  }

  /**
   * Reads the dropped messages with `after < seq <= upTo` again when the peer has read. Returns false if a replay is under
   * way, which has messages of its own in the buffer.
   */
  resume(after: number, upTo: number): boolean {
    if (this.#replays?.active) return false
    this.#created.resume(after, upTo)
    return true
  }

  /** Tells the peer that messages are lost. A replay under way cannot go on: the peer asks again with its cursor. */
  lost(frame: Frame): void {
    if (this.#replays?.active) this.#session.close(new RookeryError('history_unavailable'))
    else this.#session.patterns.afterHeld(() => this.#session.push(frame))
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
    if (reached) void reached.then(start, (error) => this.#session.close(error as RookeryError))
    else start()
  }

  get #created(): Replays {
    return (this.#replays ??= new Replays(this.#session, this.#host))
  }
}
