import type { Frame } from '../../core/protocol/frame.ts'

/** One stream to a client, of the several that a session may have one after the other. */
export interface Stream {
  /** Bytes accepted and not yet handed to the kernel. */
  readonly buffered: number
  /** Writes frames in order; what comes after the end is forgotten. MUST NOT keep the array. */
  write(frames: readonly Frame[]): void
  /** Ends the stream once what was written has left, or after so many milliseconds. Idempotent. */
  end(timeout: number): void
  /** Ends it at once, with what is still buffered. Idempotent. */
  destroy(): void
}

/** Makes a stream that calls `closed` once it is gone for whatever reason, and never before it has been made. */
export type OpenStream = (closed: () => void) => Stream
