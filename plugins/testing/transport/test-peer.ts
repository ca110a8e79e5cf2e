import { expect } from 'vitest'
import type {
  ClientFrame,
  CloseFrame,
  ReplyFrame,
  ServerFrame,
  WelcomeFrame,
} from '../../../core/protocol/protocol.ts'
import { excerpt, mismatch, violation } from '../violation.ts'
import type { Peer } from './transport-options.ts'

/** Repeats a check until it no longer throws. Resolves with its result. */
export type Until = <T>(check: () => T) => Promise<T>

/** A peer of the transport under test, with the actions and assertions of the cases. */
export class TestPeer {
  readonly #peer: Peer
  readonly #until: Until
  #lastId = 0

  constructor(peer: Peer, until: Until) {
    this.#peer = peer
    this.#until = until
  }

  get frames(): readonly ServerFrame[] {
    return this.#peer.frames
  }

  get closed(): Peer['closed'] {
    return this.#peer.closed
  }

  /** Payloads of the messages received on a topic so far. */
  payloadsOn(topic: string): unknown[] {
    return this.frames.flatMap((frame) =>
      frame.type === undefined && frame.topic === topic ? [frame.payload] : [],
    )
  }

  /** Sends frames without waiting between them. */
  async send(...frames: readonly ClientFrame[]): Promise<void> {
    await Promise.all(frames.map((frame) => this.#peer.send(frame)))
  }

  /** Sends a frame with the next id. Resolves with its reply. */
  async request(frame: ClientFrame): Promise<ReplyFrame> {
    const id = ++this.#lastId
    await this.send({ ...frame, id } as ClientFrame)
    return await this.untilReply(id)
  }

  async untilReply(id: number): Promise<ReplyFrame> {
    const fits = (frame: ServerFrame): frame is ReplyFrame => frame.type === 'reply' && frame.id === id
    return await this.untilFrame(`A frame with an id MUST be answered: a reply to ${id} is expected`, fits)
  }

  /** Calls a handler. Resolves with its answer. */
  async call(topic: string, payload?: unknown): Promise<unknown> {
    const { error, payload: answer } = await this.request({ topic, payload })
    if (error)
      throw violation(`A call of '${topic}' MUST be answered`, `the peer got an error: ${excerpt(error)}`)
    return answer
  }

  async subscribe(...topics: readonly string[]): Promise<void> {
    const { error } = await this.request({ type: 'subscribe', topics })
    if (error)
      throw violation(
        `A subscription to ${excerpt(topics)} MUST be accepted`,
        `the peer got an error: ${excerpt(error)}`,
      )
  }

  /** Resolves with the first frame that fits, whether it has arrived already or arrives later. */
  async untilFrame<F extends ServerFrame>(
    requirement: string,
    fits: (frame: ServerFrame) => frame is F,
  ): Promise<F> {
    return await this.#until(() => {
      const frame = this.frames.find(fits)
      if (!frame) throw violation(requirement, this.#framesText())
      return frame
    })
  }

  async untilWelcome(): Promise<WelcomeFrame> {
    const fits = (frame: ServerFrame): frame is WelcomeFrame => frame.type === 'welcome'
    return await this.untilFrame('An accepted peer MUST get a welcome frame', fits)
  }

  /** Resolves when exactly these payloads have arrived on a topic, in this order. */
  async untilPayloads(topic: string, sent: readonly unknown[], requirement: string): Promise<void> {
    await this.#until(() => this.expectPayloads(topic, sent, requirement))
  }

  expectPayloads(topic: string, sent: readonly unknown[], requirement: string): void {
    const wrong = mismatch(this.payloadsOn(topic), sent)
    if (wrong) throw violation(requirement, wrong)
  }

  /** Resolves when the connection has ended: with the last frame if it is a close frame, else with undefined. */
  async untilEnded(requirement: string): Promise<CloseFrame | undefined> {
    await this.#until(() => {
      if (!this.closed) throw violation(requirement, `the peer is still connected, and ${this.#framesText()}`)
    })
    const last = this.frames.at(-1)
    return last?.type === 'close' ? last : undefined
  }

  /** Resolves when the connection has ended with this error code and a close frame with the code as the last frame. */
  async untilEndedWith(code: string, requirement: string): Promise<CloseFrame> {
    const close = await this.untilEnded(requirement)
    if (!close)
      throw violation(
        `${requirement}, and a close frame with '${code}' MUST be the last frame`,
        this.#framesText(),
      )
    expect(close.error.code, `${requirement}: code of the close frame`).toBe(code)
    expect(this.closed?.code, `${requirement}: code of Peer.closed`).toBe(code)
    return close
  }

  close(): void {
    this.#peer.close()
  }

  abort(): void {
    this.#peer.abort()
  }

  pause(): void {
    this.#optional('pause', 'slowReader')()
  }

  resume(): void {
    this.#optional('resume', 'slowReader')()
  }

  mute(): void {
    this.#optional('mute', 'pingTimeout')()
  }

  #optional(method: 'pause' | 'resume' | 'mute', capability: string): () => void {
    const act = this.#peer[method]
    if (act) return act.bind(this.#peer)
    throw new Error(
      `This case needs Peer.${method}. If your peer cannot do it, set missing: { ${capability}: reason }`,
    )
  }

  #framesText(): string {
    if (this.frames.length === 0) return 'the peer got no frame'
    return `the peer got ${this.frames.length} frames: ${excerpt(this.frames)}`
  }
}
