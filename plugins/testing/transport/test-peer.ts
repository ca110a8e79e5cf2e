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

/** Waits until a check no longer throws; then returns what it returned. */
export type Until = <T>(check: () => T) => Promise<T>

/** A peer, with what the cases do to it. */
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

  /** Payloads of the messages on a topic so far. */
  payloadsOn(topic: string): unknown[] {
    return this.frames.flatMap((frame) =>
      frame.type === undefined && frame.topic === topic ? [frame.payload] : [],
    )
  }

  /** Sends frames in one go. */
  async send(...frames: readonly ClientFrame[]): Promise<void> {
    await Promise.all(frames.map((frame) => this.#peer.send(frame)))
  }

  /** Sends a frame under the next id and resolves with its reply. */
  async request(frame: ClientFrame): Promise<ReplyFrame> {
    const id = ++this.#lastId
    await this.send({ ...frame, id } as ClientFrame)
    return await this.untilReply(id)
  }

  async untilReply(id: number): Promise<ReplyFrame> {
    const fits = (frame: ServerFrame): frame is ReplyFrame => frame.type === 'reply' && frame.id === id
    return await this.untilFrame(`A frame with an id MUST be answered: a reply to ${id} is due`, fits)
  }

  /** Calls a handler and resolves with what it returned. */
  async call(topic: string, payload?: unknown): Promise<unknown> {
    const { error, payload: answer } = await this.request({ topic, payload })
    if (error) throw violation(`The handler of '${topic}' answers`, `an error came: ${excerpt(error)}`)
    return answer
  }

  async subscribe(...topics: readonly string[]): Promise<void> {
    const { error } = await this.request({ type: 'subscribe', topics })
    if (error)
      throw violation(`A session may subscribe to ${excerpt(topics)}`, `an error came: ${excerpt(error)}`)
  }

  /** Resolves with the first frame, past or future, that fits. */
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
    return await this.untilFrame('A peer that is taken in MUST be welcomed', fits)
  }

  /** Resolves when the messages on a topic are these, in order and each once. */
  async untilPayloads(topic: string, sent: readonly unknown[], requirement: string): Promise<void> {
    await this.#until(() => this.expectPayloads(topic, sent, requirement))
  }

  expectPayloads(topic: string, sent: readonly unknown[], requirement: string): void {
    const wrong = mismatch(this.payloadsOn(topic), sent)
    if (wrong) throw violation(requirement, wrong)
  }

  /** Resolves when the connection has ended, with the last frame if that says why. */
  async untilEnded(requirement: string): Promise<CloseFrame | undefined> {
    await this.#until(() => {
      if (!this.closed) throw violation(requirement, `the peer is still connected, and ${this.#framesText()}`)
    })
    const last = this.frames.at(-1)
    return last?.type === 'close' ? last : undefined
  }

  /** Resolves when the connection has ended with an error, which the peer has been told last of all. */
  async untilEndedWith(code: string, requirement: string): Promise<CloseFrame> {
    const close = await this.untilEnded(requirement)
    if (!close)
      throw violation(
        `${requirement}, and a close frame with '${code}' MUST be the last frame`,
        this.#framesText(),
      )
    expect(close.error.code, `${requirement}: the close frame has the code`).toBe(code)
    expect(this.closed?.code, `${requirement}: the end of the connection has the code`).toBe(code)
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
      `This needs Peer.${method}; if there is no way to it, say missing: { ${capability}: why }`,
    )
  }

  #framesText(): string {
    if (this.frames.length === 0) return 'the peer got no frame'
    return `the peer got ${this.frames.length} frames: ${excerpt(this.frames)}`
  }
}
