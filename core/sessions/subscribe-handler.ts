import type { RookeryError } from '../protocol/errors.ts'
import { Frame } from '../protocol/frame.ts'
import type { Since, SubscribeFrame, SubscribeReply } from '../protocol/protocol.ts'
import type { Answers } from './answers.ts'
import { withInbox } from './inbox.ts'
import type { BeginReplay, ReplaysHost } from './replays.ts'
import type { PeerSession } from './session.ts'
import type { SessionHistory } from './session-history.ts'
import { type SubscribeResult, subscribeReply } from './subscribe-reply.ts'
import type { Subscriptions } from './subscriptions.ts'

/** A session that subscribes. */
export interface SubscribingPeer extends PeerSession {
  readonly patterns: Subscriptions
  readonly history: SessionHistory
  /** Answers a frame with an error. */
  refuse(error: RookeryError, id?: number): void
}

/** The app, as the handler of `subscribe` frames sees it. */
export interface SubscribeHost extends ReplaysHost {
  /** Counts a refusal. */
  count(error: RookeryError): void
  /** Returns the part of an error that a client may see, and logs the rest. */
  expose(error: unknown, session: PeerSession, topic: string): RookeryError
}

/** Handles the `subscribe` frames of a session: adds the patterns, answers, and replays what the frame asks for. */
export class SubscribeHandler {
  readonly #session: SubscribingPeer
  readonly #host: SubscribeHost
  readonly #answers: Answers

  constructor(session: SubscribingPeer, host: SubscribeHost, answers: Answers) {
    this.#session = session
    this.#host = host
    this.#answers = answers
  }

  /** Answers a frame. Returns a promise only if the answer waits for one. */
  handle(frame: SubscribeFrame): void | Promise<void> {
    const { id, topics, since } = frame
    const { history } = this.#session
    let begin: BeginReplay | undefined
    // In the moment in which the patterns are added: from then on, the fan-out brings their messages.
    const added = () => {
      if (since !== undefined) begin = history.reserve()
    }
    return this.#answers.answer(
      id,
      'subscribe',
      () => this.#subscribe(topics, since, added),
      (reply) => this.#subscribed(frame, reply as SubscribeReply, begin),
    )
  }

  /** Subscribes when this node has the messages that the client has: otherwise the client would get messages twice. */
  #subscribe(
    patterns: readonly string[],
    since: Since | undefined,
    added: () => void,
  ): SubscribeReply | Promise<SubscribeReply> {
    const reached = since === undefined ? undefined : this.#host.kept.history?.reach(since)
    return reached ? reached.then(() => this.#add(patterns, added)) : this.#add(patterns, added)
  }

  #add(patterns: readonly string[], added: () => void): SubscribeReply | Promise<SubscribeReply> {
    const result = withInbox(this.#session, patterns, (others) =>
      this.#session.patterns.addForClient(others, added),
    )
    const reply = (settled: SubscribeResult) => subscribeReply(patterns, settled, this.#session, this.#host)
    return result instanceof Promise ? result.then(reply) : reply(result)
  }

  #subscribed({ id, since }: SubscribeFrame, payload: SubscribeReply, begin: BeginReplay | undefined): void {
    const { history } = this.#session
    const { topics: patterns } = payload
    const withCursor = (cursor: string | undefined, seq: number) => {
      const whole = cursor ? { ...payload, cursor } : payload
      return new Frame({ type: 'reply', id: id as number, payload: whole }, seq)
    }
    const reply = id === undefined ? undefined : withCursor
    // If all patterns are refused, there is nothing to replay.
    if (since === undefined || patterns.length === 0) history.answer(reply)
    else (begin ?? history.reserve())({ patterns, since, id, reply })
  }
}
