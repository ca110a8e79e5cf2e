import type { ServerResponse } from 'node:http'
import { RookeryError } from '../../core/errors.ts'
import type { Session } from '../../core/session.ts'
import { Downlink, type DownlinkSettings } from './downlink.ts'
import { Uplink, type UplinkFrame } from './uplink.ts'

export interface PeerSettings extends DownlinkSettings {
  /** Milliseconds that a session outlives its stream. */
  readonly grace: number
}

/** One client: its session, its way down and its way up. */
export class Peer {
  readonly downlink: Downlink
  /** Resolves when the session has ended and its last stream has closed. */
  readonly ended: Promise<void>
  readonly #uplink = new Uplink()
  readonly #grace: number
  #session: Session | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param resumable whether the client counts frames and can come back for those it has not got */
  constructor(settings: PeerSettings, resumable: boolean) {
    this.#grace = resumable ? settings.grace : 0
    this.downlink = new Downlink(settings, resumable)
    this.ended = this.downlink.ended.then(() => clearTimeout(this.#timer))
  }

  /** Gives an opened session its first stream. */
  begin(session: Session, response: ServerResponse, once: boolean): void {
    this.#session = session
    this.downlink.attach(response, 0, once, () => this.#broken())
  }

  /** Gives the session another stream; false when it cannot go on from there. */
  resume(response: ServerResponse, received: number, once: boolean): boolean {
    const resumed = this.downlink.attach(response, received, once, () => this.#broken())
    if (resumed) {
      clearTimeout(this.#timer)
      this.#session?.alive()
    }
    return resumed
  }

  /**
   * Passes frames of an uplink request on; returns the number of the frame that is waited for next.
   *
   * @throws `out_of_window`, `bad_frame`, `unknown_session` when it has closed meanwhile
   */
  receive(frames: readonly UplinkFrame[]): number {
    const session = this.#session
    if (!session || session.closed) throw new RookeryError('unknown_session')
    for (const frame of this.#uplink.take(frames)) session.receive(frame)
    return this.#uplink.next
  }

  /** Ends the session: its client has said that it does not come back. */
  leave(): void {
    this.#session?.disconnected()
    this.downlink.close()
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
