import type { ServerResponse } from 'node:http'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { PeerSession } from '../../core/sessions/session.ts'
import { Downlink, type DownlinkSettings } from './downlink.ts'
import { ResponseStream } from './response-stream.ts'
import type { OpenStream } from './stream.ts'
import { Uplink, type UplinkFrame } from './uplink.ts'

export interface PeerSettings extends DownlinkSettings {
  /** Milliseconds between two comments. */
  readonly heartbeat: number
  /** Milliseconds that a session outlives its stream. */
  readonly grace: number
}

/** A client of a session, as its requests reach it: here, or at the node that owns the session. */
export interface Reachable {
  /**
   * Goes on with the session's stream in a response.
   *
   * @param received how many frames the client has got
   * @param once whether the response ends with the first frames, or when there are none for long
   * @throws `unknown_session` when it cannot go on from there
   */
  stream(response: ServerResponse, received: number, once: boolean): void | Promise<void>
  /**
   * Passes frames of an uplink request on; returns the number of the frame that is waited for next.
   *
   * @param bytes what the request took on the wire
   * @throws `out_of_window`, `bad_frame`, `unknown_session` when it has closed meanwhile
   */
  receive(frames: readonly UplinkFrame[], bytes: number): number | Promise<number>
  /** Ends the session: its client has said that it does not come back. */
  leave(): void | Promise<void>
}

/** One client of this node: its session, its way down and its way up. */
export class Peer implements Reachable {
  readonly downlink: Downlink
  /** Resolves when the session has ended and its last stream has closed. */
  readonly ended: Promise<void>
  readonly #uplink = new Uplink()
  readonly #settings: PeerSettings
  readonly #grace: number
  #session: PeerSession | undefined
  #timer: NodeJS.Timeout | undefined
  /** Bytes of requests that no frame has been charged with. */
  #bytes = 0

  /** @param resumable whether the client counts frames and can come back for those it has not got */
  constructor(settings: PeerSettings, resumable: boolean) {
    this.#settings = settings
    this.#grace = resumable ? settings.grace : 0
    this.downlink = new Downlink(settings, resumable)
    this.ended = this.downlink.ended.then(() => clearTimeout(this.#timer))
  }

  /** Gives an opened session its first stream. */
  begin(session: PeerSession, response: ServerResponse, once: boolean): void {
    this.#session = session
    this.downlink.attach(this.#opener(response, once), 0, () => this.#broken())
  }

  stream(response: ServerResponse, received: number, once: boolean): void {
    this.resume(this.#opener(response, once), received)
  }

  /** Gives the session another stream. @throws `unknown_session` when it cannot go on from there */
  resume(open: OpenStream, received: number): void {
    if (!this.downlink.attach(open, received, () => this.#broken())) throw new RookeryError('unknown_session')
    clearTimeout(this.#timer)
    this.#session?.alive()
  }

  receive(frames: readonly UplinkFrame[], bytes: number): number {
    const session = this.#session
    if (!session || session.closed) throw new RookeryError('unknown_session')
    this.#bytes += bytes
    for (const frame of this.#uplink.take(frames)) {
      session.receive(frame, this.#bytes)
      this.#bytes = 0
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

  /** Ends the session unless its client comes back in time. */
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
