import type { Frame } from '../../../core/protocol/frame.ts'
import type { MessageFrame, ServerFrame } from '../../../core/protocol/protocol.ts'
import type { PeerSession } from '../../../core/sessions/session.ts'
import type { Transport, TransportHost, Wire } from '../../../core/sessions/transport.ts'

/** Prefix of the topics for messages of the kit itself. */
export const KIT_TOPIC_PREFIX = 'conformance/'

/** A session without a network. Records the frames that it gets. */
export class ClusterPeer implements Wire {
  readonly frames: ServerFrame[] = []
  readonly buffered = 0
  readonly selfMonitored = true
  #session: PeerSession | undefined

  static async open(host: TransportHost, user?: string): Promise<ClusterPeer> {
    const peer = new ClusterPeer()
    const query = new URLSearchParams(user === undefined ? {} : { user })
    const handshake = { transport: 'conformance', address: 'here', headers: {}, query }
    peer.#session = await host.open(handshake, peer)
    return peer
  }

  get session(): PeerSession {
    return this.#session as PeerSession
  }

  write(frames: readonly Frame[]): void {
    for (const { text } of frames) this.frames.push(JSON.parse(text) as ServerFrame)
  }

  close(): void {}

  terminate(): void {}

  /** The messages so far, without those on topics of the kit itself. */
  get messages(): MessageFrame[] {
    return this.frames.filter(
      (frame): frame is MessageFrame => frame.type === undefined && !frame.topic.startsWith(KIT_TOPIC_PREFIX),
    )
  }

  /** Payloads of the messages so far, on one topic or on all topics. */
  received(topic?: string): unknown[] {
    const messages = this.messages.filter((message) => topic === undefined || message.topic === topic)
    return messages.map(({ payload }) => payload)
  }

  /** The code in the close frame. Undefined while the session is open. */
  get closeCode(): string | undefined {
    const last = this.frames.at(-1)
    return last?.type === 'close' ? last.error.code : undefined
  }
}

/** A transport that opens sessions of `ClusterPeer`s in an app. */
export class PeerTransport implements Transport {
  readonly name = 'conformance'
  #host: TransportHost | undefined

  async start(host: TransportHost): Promise<void> {
    this.#host = host
  }

  async stop(): Promise<void> {}

  async open(user?: string): Promise<ClusterPeer> {
    return await ClusterPeer.open(this.#started, user)
  }

  /** Finds the node of a session id. */
  async ownerOf(session: string): Promise<string> {
    return await this.#started.ownerOf(session, 'here')
  }

  get #started(): TransportHost {
    if (!this.#host) throw new Error('The app has not started')
    return this.#host
  }
}
