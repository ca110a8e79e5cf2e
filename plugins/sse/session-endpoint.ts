import type { ServerResponse } from 'node:http'
import type { UplinkFrame } from './uplink.ts'

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
   * @param bytes size of the request's body
   * @returns the number of the next frame that the session expects
   * @throws `out_of_window`, `bad_frame`; `unknown_session` when the session has closed meanwhile
   */
  receive(frames: readonly UplinkFrame[], bytes: number): number | Promise<number>
  /** Ends the session, because its client says that it does not come back. */
  leave(): void | Promise<void>
}
