import type { ServerResponse } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import { Downlink, type DownlinkSettings } from './downlink.ts'
import type { OpenStream } from './event-stream.ts'
import { isGone, ResponseStream } from './response-stream.ts'
import type { SessionEndpoint, UplinkRequest } from './session-endpoint.ts'
import { Uplink } from './uplink.ts'

export interface PeerSettings extends DownlinkSettings {
  /** Milliseconds between two comments. */
  readonly heartbeat: number
  /** Milliseconds for a client that acknowledges frames to acknowledge the first one. */
  readonly welcomeTimeout: number
}

/**
 * What a client does about a broken stream. `ack`: it also acknowledges frames with each request, the first one at once. So
 * until then, the client does not know the session, and a broken stream ends it.
 */
export type Resumption = 'none' | 'resume' | 'ack'

/** One client of a session of this node: it holds the session, its downlink and its uplink. */
export class Peer implements SessionEndpoint {
  readonly downlink: Downlink
  /** Resolves when the session has ended and its last stream has closed. */
  readonly ended: Promise<void>
  readonly #uplink = new Uplink()
  readonly #settings: PeerSettings
  #grace: number
  #session: PeerSession | undefined
  #acknowledged: boolean
  #welcomeTimer: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  /** Bytes of requests that have not been charged to a frame yet. */
  #unchargedBytes = 0

  constructor(settings: PeerSettings, resumption: Resumption) {
    const resumable = resumption !== 'none'
    this.#settings = settings
    this.#grace = resumable ? settings.grace : 0
    this.#acknowledged = resumption !== 'ack'
    this.downlink = new Downlink(settings, resumable)
    this.ended = this.downlink.ended.then(() => {
      clearTimeout(this.#timer)
      clearTimeout(this.#welcomeTimer)
    })
  }

  /** Attaches the first stream to an opened session. */
  begin(session: PeerSession, response: ServerResponse, once: boolean): void {
    this.#session = session
    // A client that has gone before `welcome` does not know the session.
    if (isGone(response)) this.#grace = 0
    const broken = (complete: boolean) => this.#broken(complete)
    if (!this.downlink.attach(this.#opener(response, once), 0, broken)) response.destroy()
    else if (!this.#acknowledged)
      this.#welcomeTimer = setTimeout(() => this.#end(), this.#settings.welcomeTimeout)
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
    const broken = (complete: boolean) => this.#broken(complete)
    if (!this.downlink.attach(open, received, broken)) throw new RookeryError('unknown_session')
    this.#acknowledge(received)
    clearTimeout(this.#timer)
    this.#session?.alive()
  }

  receive({ frames, bytes, received, from }: UplinkRequest): number {
    const session = this.#session
    if (!session || session.closed) throw new RookeryError('unknown_session')
    this.#acknowledge(received)
    this.#unchargedBytes += bytes
    for (const frame of [...this.#uplink.skip(from), ...this.#uplink.take(frames)]) {
      session.receive(frame, this.#unchargedBytes)
      this.#unchargedBytes = 0
    }
    return this.#uplink.next
  }

  leave(): void {
    this.#session?.disconnected()
    this.downlink.limitWait(0)
    this.downlink.close()
  }

  #opener(response: ServerResponse, once: boolean): OpenStream {
    return (closed) => new ResponseStream(response, this.#settings.heartbeat, once, closed)
  }

  #acknowledge(received: number): void {
    this.downlink.acknowledge(received)
    if (received === 0) return
    this.#acknowledged = true
    clearTimeout(this.#welcomeTimer)
  }

  /**
   * Ends the session, unless its client may resume and does so in time.
   *
   * @param complete whether the stream has ended normally, as for a client that polls
   */
  #broken(complete: boolean): void {
    clearTimeout(this.#timer)
    const isKnown = this.#acknowledged || complete
    if (this.#grace === 0 || !isKnown || !this.#session || this.#session.closed) {
      this.#end()
      return
    }
    this.#session.suspend()
    this.#timer = setTimeout(() => this.#end(), this.#grace)
  }

  #end(): void {
    this.#session?.disconnected()
    this.downlink.terminate()
  }
}
