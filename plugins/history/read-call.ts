import type { App } from '../../core/app/app.ts'
import type { HistoryMessage } from '../../core/history/history.ts'
import type { KeptMessage } from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Session } from '../../core/sessions/session.ts'
import { assertPattern, compilePattern, isReserved } from '../../core/topics/topic.ts'
import type { KeptMessages } from './kept-messages.ts'
import { type ReadRequest, readRequest } from './read-options.ts'

/** The call by which clients read pages. */
export const READ_TOPIC = 'history/read'

/** Pages that a session may read. A page of 1,000 messages takes about 3 ms. */
export const READ_RATE = { limit: 20, window: '2s' } as const

/** The reply to the call. */
interface ReadReply {
  /** In the order of publishing. */
  readonly messages: readonly HistoryMessage[]
  /** Where the next page begins: the `since`, or the `before`, of the next call. null if there is no more. */
  readonly next: string | null
}

/** Answers clients that read pages: with what they may subscribe to. */
export class ReadCall {
  readonly #app: App
  readonly #kept: () => KeptMessages
  readonly #maxBytes: number

  /** @param maxBytes most bytes of payloads in a reply. A larger message makes a page of its own */
  constructor(app: App, kept: () => KeptMessages, maxBytes: number) {
    this.#app = app
    this.#kept = kept
    this.#maxBytes = maxBytes
  }

  /** @throws `invalid_payload`, `invalid_pattern`, `reserved_topic`, `forbidden`, `invalid_cursor`, `history_unavailable` */
  async answer(session: Session, payload: unknown): Promise<ReadReply> {
    const request = readRequest(payload)
    const { pattern, since } = request
    assertPattern(pattern)
    if (isReserved(pattern)) throw new RookeryError('reserved_topic')
    const perTopic = await this.#app.sessions.authorizePattern(session, pattern)
    const kept = this.#kept()
    const { messages, isFull } = await kept.readPage(pattern, request)
    const page = this.#fitting(messages, since !== undefined)
    const edge = since === undefined ? page[0] : page.at(-1)
    const hasMore = edge !== undefined && (isFull || page.length < messages.length)
    const allowed = perTopic ? await this.#allowed(session, request, page) : page
    return {
      messages: allowed.map((message) => kept.messageOf(message)),
      next: hasMore ? (kept.cursorOf(edge.seq) ?? null) : null,
    }
  }

  /** As many messages as fit into a reply: the oldest, or the newest ones. */
  #fitting(messages: readonly KeptMessage[], fromOldest: boolean): readonly KeptMessage[] {
    const ordered = fromOldest ? messages : messages.toReversed()
    let bytes = 0
    const tooMany = ordered.findIndex(({ payload = '' }, index) => {
      bytes += Buffer.byteLength(payload)
      return index > 0 && bytes > this.#maxBytes
    })
    const fitting = tooMany < 0 ? ordered : ordered.slice(0, tooMany)
    return fromOldest ? fitting : fitting.toReversed()
  }

  /** The messages of which the session may receive a topic that matches. */
  async #allowed(
    session: Session,
    { pattern }: ReadRequest,
    messages: readonly KeptMessage[],
  ): Promise<readonly KeptMessage[]> {
    const matches = compilePattern(pattern)
    const decisions = new Map<string, boolean>()
    const isAllowed = async (topic: string): Promise<boolean> => {
      let allowed = decisions.get(topic)
      if (allowed === undefined) {
        allowed = await this.#mayReceive(session, topic)
        decisions.set(topic, allowed)
      }
      return allowed
    }
    const allowed: KeptMessage[] = []
    for (const message of messages) {
      for (const topic of message.topics.filter(matches)) {
        if (!(await isAllowed(topic))) continue
        allowed.push(message)
        break
      }
    }
    return allowed
  }

  async #mayReceive(session: Session, topic: string): Promise<boolean> {
    try {
      await this.#app.sessions.authorize(session, 'subscribe', topic)
      return true
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code === 'forbidden') return false
      throw error
    }
  }
}
