import type { KeptStream } from '../history/history.ts'
import type { KeptMessage } from '../history/store.ts'
import { replayedFrame } from '../protocol/control-frames.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Frame } from '../protocol/frame.ts'
import type { GapReason, Since } from '../protocol/protocol.ts'
import { delay } from '../util/delay.ts'
import { HeldFrames } from './held-frames.ts'
import type { ReplayTurns } from './replay-turns.ts'
import type { Session } from './session.ts'

/** Messages that are read at once. */
const PAGE_MESSAGES = 64
/** After this many bytes, a replay waits until the peer has read. At most a quarter of `maxBuffered`. */
const MAX_BYTES_AHEAD = 64 * 1024
/** Most requests of a session that wait. */
const MAX_WAITING = 256
/** Longest wait between two looks whether the peer has read. */
const MAX_READ_WAIT_MS = 100

/** A `subscribe` frame of which a pattern was accepted. */
export interface ReplayRequest {
  readonly patterns: readonly string[]
  readonly since: Since
  readonly id: number | undefined
  /** Creates the reply, with or without a position. Undefined if the client wants none. */
  readonly reply: ((cursor: string | undefined, seq: number) => Frame) | undefined
}

export type BeginReplay = (request: ReplayRequest) => void

/** A session, as its replays see it. */
export interface ReplayingSession extends Session {
  readonly patterns: {
    /** Whether the session receives one of the topics now, by one of the patterns. */
    allows(patterns: readonly string[], topics: readonly string[]): boolean | Promise<void>
  }
  /** Bytes that wait for the peer. */
  readonly buffered: number
  /** Queues a frame for the peer. */
  push(frame: Frame): void
}

/** The app, as the replays see it. */
export interface ReplaysHost {
  readonly limits: { readonly maxBuffered: number }
  /** `history` is undefined in an app that keeps no messages. */
  readonly kept: { readonly history: KeptStream | undefined; readonly turns: ReplayTurns }
}

interface Replay {
  /** Resolves when the patterns have been authorized and other nodes send their messages. */
  readonly asked: ReplayRequest | Promise<ReplayRequest>
  /** Later messages come from the fan-out. */
  readonly upTo: number
}

/** Answers at a position. */
type Answer = () => void

/**
 * Replays kept messages to one session, one request after the other. Meanwhile, the kept messages of the fan-out wait, so that a
 * session gets all kept messages in order. If too many wait, they are dropped and read from the history later.
 */
export class Replays {
  readonly #session: ReplayingSession
  readonly #host: ReplaysHost
  readonly #queue: (Replay | Answer | HeldFrames)[] = []
  readonly #hasEnded = (): boolean => this.#session.closed
  #heldBytes = 0
  #running = false

  constructor(session: ReplayingSession, host: ReplaysHost) {
    this.#session = session
    this.#host = host
  }

  /** Whether kept messages of the fan-out wait. */
  get active(): boolean {
    return this.#running
  }

  /** Makes a kept message of the fan-out wait. */
  hold(frame: Frame): void {
    let last = this.#queue.at(-1)
    if (!(last instanceof HeldFrames)) this.#queue.push((last = new HeldFrames()))
    this.#heldBytes += last.add(frame)
    if (this.#heldBytes <= this.#host.limits.maxBuffered) return
    for (const one of this.#queue) if (one instanceof HeldFrames) one.drop()
    this.#heldBytes = 0
  }

  /** Makes messages of the fan-out wait, and replays what is asked for: after the earlier replays. */
  begin(asked: Promise<ReplayRequest>, upTo: number): void {
    if (this.#queue.length >= MAX_WAITING) this.#session.close(new RookeryError('rate_limited'))
    this.#queue.push({ asked, upTo })
    if (!this.#running) void this.#run()
  }

  /** Answers a request without a replay, after the messages that wait now. */
  answer(reply: ReplayRequest['reply'], seq: number): void {
    const cursor = this.#host.kept.history?.cursorOf(seq)
    if (reply) this.#queue.push(() => this.#session.push(reply(cursor, seq)))
  }

  /** Reads messages of the fan-out from the history, when the peer has read. Only while no replay is under way. */
  resume(after: number, upTo: number): void {
    this.#queue.push(HeldFrames.dropped(after, upTo))
    void this.#run()
  }

  /** Makes the kept messages wait from now on, for `beginFirst`. */
  prepare(): void {
    this.#running = true
  }

  /** Replays what the peer asked for in its handshake. Drops the messages that have waited and that the replay contains. */
  beginFirst(request: ReplayRequest, upTo: number): void {
    for (const one of this.#queue) if (one instanceof HeldFrames) this.#heldBytes -= one.forget(upTo)
    this.#queue.unshift({ asked: request, upTo })
    void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      for (let next = this.#queue.shift(); next && !this.#session.closed; next = this.#queue.shift()) {
        if (next instanceof HeldFrames) {
          this.#heldBytes -= next.bytes
          await this.#release(next)
        } else if (typeof next === 'function') next()
        else await this.#replay(await next.asked, next.upTo)
      }
    } catch (cause) {
      // A store of the application may do anything. The client comes back with its cursor.
      this.#session.close(new RookeryError('history_unavailable', undefined, { cause }))
    }
    this.#queue.length = 0
    this.#running = false
  }

  async #replay({ id, patterns, since, reply }: ReplayRequest, upTo: number): Promise<void> {
    const { history } = this.#host.kept
    if (reply) this.#session.push(reply(undefined, 0))
    let reason: GapReason | undefined = 'unavailable'
    const unkept = patterns.filter((pattern) => !history?.covers(pattern))
    if (history && (unkept.length === 0 || unkept.length < patterns.length)) {
      const begin = await history.find(since, patterns, upTo, this.#hasEnded)
      reason =
        'reason' in begin ? begin.reason : await this.#send(history, patterns, begin.after, upTo, since)
    }
    const cursor = history?.cursorOf(upTo)
    const end = {
      ...(id !== undefined && { id }),
      recovered: reason === undefined,
      ...(reason ? { reason } : unkept.length > 0 && { unkept }),
      ...(cursor && { cursor }),
    }
    this.#session.push(replayedFrame(end, upTo))
  }

  /** Passes on the messages that have waited. */
  async #release(held: HeldFrames): Promise<void> {
    const { history } = this.#host.kept
    if (held.isDropped) {
      await this.#read()
      const all = this.#session.subscriptions
      const reason = history && (await this.#send(history, all, held.after, held.upTo))
      // The client comes back with its cursor and is told what it has missed.
      if (reason) this.#session.close(new RookeryError('slow_consumer'))
      return
    }
    let ahead = 0
    for (const frame of held.frames) ahead = await this.#write(frame, ahead)
  }

  /**
   * Sends the messages of a range. Returns the reason if it cannot send all of them.
   *
   * @param since what the peer has asked for. Undefined for messages of the fan-out
   */
  async #send(
    history: KeptStream,
    patterns: readonly string[],
    after: number,
    upTo: number,
    since?: Since,
  ): Promise<GapReason | undefined> {
    const isReplay = since !== undefined
    let left = isReplay ? history.maxReplay : Number.POSITIVE_INFINITY
    let ahead = 0
    for (let from = after; from < upTo && !this.#session.closed; ) {
      await this.#host.kept.turns.next()
      const range = { after: from, upTo, limit: PAGE_MESSAGES }
      const page = await history.readRange(patterns, range, this.#hasEnded).catch(() => null)
      if (page === null) return 'unavailable'
      if (!page) {
        // Without a cursor, the peer asks for what there is. The oldest messages may leave meanwhile.
        const hasCursor = !isReplay || (typeof since === 'string' && since !== 'earliest')
        const oldest = hasCursor ? undefined : await history.find('earliest', patterns, upTo, this.#hasEnded)
        if (!oldest || 'reason' in oldest) return 'expired'
        from = Math.max(from, oldest.after)
        continue
      }
      for (const message of page) {
        if (!(await this.#isAllowed(patterns, message))) continue
        if (left-- === 0) return 'limit'
        ahead = await this.#write(history.frameOf(message, isReplay), ahead)
      }
      from = page.length < PAGE_MESSAGES ? upTo : (page.at(-1) as KeptMessage).seq
    }
    return undefined
  }

  /** Decides by the rights of now. */
  async #isAllowed(patterns: readonly string[], { topics, except }: KeptMessage): Promise<boolean> {
    const session = this.#session
    if (except !== null && except === session.client) return false
    for (;;) {
      const allowed = session.patterns.allows(patterns, topics)
      if (typeof allowed === 'boolean') return allowed
      await allowed
      if (session.closed) return false
    }
  }

  /** Writes a frame, and waits now and then until the peer has read. Returns the bytes written since the last wait. */
  async #write(frame: Frame, ahead: number): Promise<number> {
    this.#session.push(frame)
    if (ahead + frame.bytes < this.#maxAhead) return ahead + frame.bytes
    await this.#read()
    return 0
  }

  get #maxAhead(): number {
    return Math.min(MAX_BYTES_AHEAD, this.#host.limits.maxBuffered / 4)
  }

  /** Resolves when the peer has read most of what was written. The outbox writes at the end of each turn of the event loop. */
  async #read(): Promise<void> {
    const { signal } = this.#session
    await new Promise(setImmediate)
    for (let wait = 1; this.#session.buffered > this.#maxAhead && !signal.aborted; wait *= 2) {
      await delay(Math.min(wait, MAX_READ_WAIT_MS), signal)
    }
  }
}
