import type { ServerResponse } from 'node:http'
import type { UplinkFrame } from './uplink.ts'

/** An uplink request of a client. */
export interface UplinkRequest {
  readonly frames: readonly UplinkFrame[]
  /** Size of the request's body. */
  readonly bytes: number
  /** Number of frames that the client has received; 0 if it does not say. */
  readonly received: number
  /** Number of the first frame that the client has not given up; 0 if it does not say. */
  readonly from: number
}

/**
 * Handles the requests that name a session: on this node, or by forwarding them to the node that owns the session.
 */
export interface SessionEndpoint {
  /**
   * Resumes the session's stream in a response.
   *
   * @param received number of frames that the client has received
   * @param once whether the response ends with the first frames, or at the first heartbeat if there are none
   * @throws `unknown_session` when the session is gone or no longer has the frames that the client missed
   */
  stream(response: ServerResponse, received: number, once: boolean): void | Promise<void>
  /**
   * Applies the frames of an uplink request.
   *
   * @returns the number of the next frame that the session expects
   * @throws `out_of_window`, `bad_frame`; `unknown_session` when the session has closed meanwhile
   */
  receive(request: UplinkRequest): number | Promise<number>
  /** Ends the session, because its client says that it does not come back. */
  leave(): void | Promise<void>
}
