import { WebSocket } from 'ws'
import { RookeryError } from '../../core/protocol/errors.ts'

/** Errors by the close code that `ws` uses when a client breaks the protocol. */
const protocolErrors: Readonly<Record<number, () => RookeryError>> = {
  1002: () => new RookeryError('protocol_error', 'The frame violates RFC 6455'),
  1007: () => new RookeryError('bad_encoding'),
  1008: () => new RookeryError('protocol_error', 'The message has too many fragments'),
  1009: () => new RookeryError('payload_too_large'),
}

/** A `ws` socket that reports a protocol error before `ws` closes the connection. */
export class PeerSocket extends WebSocket {
  #report: ((error: RookeryError) => void) | undefined

  /**
   * Sets the callback for protocol errors; `undefined` removes it. While a callback is set, `ws` does not close the
   * connection after a protocol error: the callback must.
   *
   * This is a method and not a field: V8 allocates a function that is written where it is assigned to a field among
   * long-lived objects, with everything that the function refers to.
   */
  onProtocolError(report: ((error: RookeryError) => void) | undefined): void {
    this.#report = report
  }

  override close(code?: number, reason?: string | Buffer): void {
    // Only `ws` itself closes with a code and without a reason.
    const createError = code === undefined || reason !== undefined ? undefined : protocolErrors[code]
    if (createError && this.#report && this.readyState === WebSocket.OPEN) this.#report(createError())
    else super.close(code, reason)
  }
}
