import type { ServerResponse } from 'node:http'
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
  begin(session: Session, response: ServerResponse): void {
    this.#session = session
    this.downlink.attach(response, 0, () => this.#broken())
  }

  /** Gives the session another stream; false when it cannot go on from there. */
  resume(response: ServerResponse, received: number): boolean {
    const resumed = this.downlink.attach(response, received, () => this.#broken())
    if (resumed) {
      clearTimeout(this.#timer)
      this.#session?.alive()
    }
    return resumed
  }

  /**
   * Passes frames of an uplink request on; returns the number of the frame that is waited for next.
   *
   * @throws `out_of_window`
   */
  receive(frames: readonly UplinkFrame[]): number {
    for (const frame of this.#uplink.take(frames)) this.#session?.receive(frame)
    return this.#uplink.next
  }

  /** Ends the session unless its client comes back in time. */
  #broken(): void {
    clearTimeout(this.#timer)
    const end = () => {
      this.#session?.disconnected()
      this.downlink.terminate()
    }
    if (this.#grace > 0 && !this.#session?.closed) this.#timer = setTimeout(end, this.#grace)
    else end()
  }
}
