import type { Frame } from '../../core/protocol/frame.ts'

/** One event stream to a client. A session may have several, one after the other. */
export interface EventStream {
  /** Bytes accepted and not yet handed to the kernel. */
  readonly buffered: number
  /**
   * Writes frames in order. MUST NOT keep the array.
   *
   * @returns false if the stream has ended, and the frames are discarded
   */
  write(frames: readonly Frame[]): boolean
  /** Ends the stream when the buffered bytes have left, or after `timeout` milliseconds. Idempotent. */
  end(timeout: number): void
  /** Ends the stream at once and discards the buffered bytes. Idempotent. */
  destroy(): void
}

/**
 * Makes a stream. The stream MUST call `closed` when it is gone, for whatever reason, and MUST NOT call it before
 * this function has returned. `complete` says whether it has ended after the kernel had taken all bytes.
 */
export type OpenStream = (closed: (complete: boolean) => void) => EventStream
