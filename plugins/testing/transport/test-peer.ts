import { expect } from 'vitest'
import type {
  ClientFrame,
  CloseFrame,
  ReplyFrame,
  ServerFrame,
  WelcomeFrame,
} from '../../../core/protocol/protocol.ts'
import { breach, departure, show } from '../violation.ts'
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
  on(topic: string): unknown[] {
    return this.frames.flatMap((frame) =>
      frame.type === undefined && frame.topic === topic ? [frame.payload] : [],
    )
  }

  /** Sends frames in one go. */
  async send(...frames: readonly ClientFrame[]): Promise<void> {
    await Promise.all(frames.map((frame) => this.#peer.send(frame)))
  }

  /** Sends a frame under the next id and resolves with its reply. */
  async ask(frame: ClientFrame): Promise<ReplyFrame> {
    const id = ++this.#lastId
    await this.send({ ...frame, id } as ClientFrame)
    return await this.reply(id)
  }

  async reply(id: number): Promise<ReplyFrame> {
    const fits = (frame: ServerFrame): frame is ReplyFrame => frame.type === 'reply' && frame.id === id
    return await this.first(`A frame with an id MUST be answered: a reply to ${id} is due`, fits)
  }

  /** Calls a handler and resolves with what it returned. */
  async call(topic: string, payload?: unknown): Promise<unknown> {
    const { error, payload: answer } = await this.ask({ topic, payload })
    if (error) throw breach(`The handler of '${topic}' answers`, `an error came: ${show(error)}`)
    return answer
  }

  async subscribe(...topics: readonly string[]): Promise<void> {
    const { error } = await this.ask({ type: 'subscribe', topics })
    if (error) throw breach(`A session may subscribe to ${show(topics)}`, `an error came: ${show(error)}`)
  }

  /** Resolves with the first frame, past or future, that fits. */
  async first<F extends ServerFrame>(demand: string, fits: (frame: ServerFrame) => frame is F): Promise<F> {
    return await this.#until(() => {
      const frame = this.frames.find(fits)
      if (!frame) throw breach(demand, this.#seen())
      return frame
    })
  }

  async welcome(): Promise<WelcomeFrame> {
    const fits = (frame: ServerFrame): frame is WelcomeFrame => frame.type === 'welcome'
    return await this.first('A peer that is taken in MUST be welcomed', fits)
  }

  /** Resolves when the messages on a topic are these, in order and each once. */
  async untilOn(topic: string, sent: readonly unknown[], demand: string): Promise<void> {
    await this.#until(() => this.expectOn(topic, sent, demand))
  }

  expectOn(topic: string, sent: readonly unknown[], demand: string): void {
    const wrong = departure(this.on(topic), sent)
    if (wrong) throw breach(demand, wrong)
  }

  /** Resolves when the connection has ended, with the last frame if that says why. */
  async ended(demand: string): Promise<CloseFrame | undefined> {
    await this.#until(() => {
      if (!this.closed) throw breach(demand, `the peer is still connected, and ${this.#seen()}`)
    })
    const last = this.frames.at(-1)
    return last?.type === 'close' ? last : undefined
  }

  /** Resolves when the connection has ended with an error, which the peer has been told last of all. */
  async endedWith(code: string, demand: string): Promise<CloseFrame> {
    const close = await this.ended(demand)
    if (!close)
      throw breach(`${demand}, and a close frame with '${code}' MUST be the last frame`, this.#seen())
    expect(close.error.code, `${demand}: the close frame has the code`).toBe(code)
    expect(this.closed?.code, `${demand}: the end of the connection has the code`).toBe(code)
    return close
  }

  close(): void {
    this.#peer.close()
  }

  abort(): void {
    this.#peer.abort()
  }

  pause(): void {
    this.#able('pause', 'slowReader')()
  }

  resume(): void {
    this.#able('resume', 'slowReader')()
  }

  mute(): void {
    this.#able('mute', 'pingTimeout')()
  }

  #able(method: 'pause' | 'resume' | 'mute', capability: string): () => void {
    const act = this.#peer[method]
    if (act) return act.bind(this.#peer)
    throw new Error(
      `This needs Peer.${method}; if there is no way to it, say missing: { ${capability}: why }`,
    )
  }

  #seen(): string {
    if (this.frames.length === 0) return 'the peer got no frame'
    return `the peer got ${this.frames.length} frames: ${show(this.frames)}`
  }
}
