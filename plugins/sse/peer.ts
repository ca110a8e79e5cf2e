import type { ServerResponse } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import { Downlink, type DownlinkSettings } from './downlink.ts'
import type { OpenStream } from './event-stream.ts'
import { ResponseStream } from './response-stream.ts'
import type { SessionEndpoint } from './session-endpoint.ts'
import { Uplink, type UplinkFrame } from './uplink.ts'

export interface PeerSettings extends DownlinkSettings {
  /** Milliseconds between two comments. */
  readonly heartbeat: number
  /** Milliseconds that a session waits without a stream for its client to resume. */
  readonly grace: number
}

/** One client of a session of this node: it holds the session, its downlink and its uplink. */
export class Peer implements SessionEndpoint {
  readonly downlink: Downlink
  /** Resolves when the session has ended and its last stream has closed. */
  readonly ended: Promise<void>
  readonly #uplink = new Uplink()
  readonly #settings: PeerSettings
  readonly #grace: number
  #session: PeerSession | undefined
  #timer: NodeJS.Timeout | undefined
  /** Bytes of requests that have not been charged to a frame yet. */
  #unchargedBytes = 0

  /** @param resumable whether the client counts frames and can resume the session */
  constructor(settings: PeerSettings, resumable: boolean) {
    this.#settings = settings
    this.#grace = resumable ? settings.grace : 0
    this.downlink = new Downlink(settings, resumable)
    this.ended = this.downlink.ended.then(() => clearTimeout(this.#timer))
  }

  /** Attaches the first stream to an opened session. */
  begin(session: PeerSession, response: ServerResponse, once: boolean): void {
    this.#session = session
    this.downlink.attach(this.#opener(response, once), 0, () => this.#broken())
  }

  stream(response: ServerResponse, received: number, once: boolean): void {
    this.resume(this.#opener(response, once), received)
  }

  /**
   * Attaches another stream.
   *
   * @throws `unknown_session` when the session is gone or no longer has the missed frames
   */
  resume(open: OpenStream, received: number): void {
    if (!this.downlink.attach(open, received, () => this.#broken())) throw new RookeryError('unknown_session')
    clearTimeout(this.#timer)
    this.#session?.alive()
  }

  receive(frames: readonly UplinkFrame[], bytes: number): number {
    const session = this.#session
    if (!session || session.closed) throw new RookeryError('unknown_session')
    this.#unchargedBytes += bytes
    for (const frame of this.#uplink.take(frames)) {
      session.receive(frame, this.#unchargedBytes)
      this.#unchargedBytes = 0
    }
    return this.#uplink.next
  }

  leave(): void {
    this.#session?.disconnected()
    this.downlink.close()
  }

  #opener(response: ServerResponse, once: boolean): OpenStream {
    return (closed) => new ResponseStream(response, this.#settings.heartbeat, once, closed)
  }

  /** Ends the session, unless its client may resume and does so in time. */
  #broken(): void {
    clearTimeout(this.#timer)
    const end = () => {
      this.#session?.disconnected()
      this.downlink.terminate()
    }
    if (this.#grace === 0 || !this.#session || this.#session.closed) {
      end()
      return
    }
    this.#session.suspend()
    this.#timer = setTimeout(end, this.#grace)
  }
}
