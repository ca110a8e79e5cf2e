import type { Frame } from '../../core/protocol/frame.ts'
import type { Wire } from '../../core/sessions/transport.ts'
import type { EventStream, OpenStream } from './event-stream.ts'

/** Most frames kept for a client that resumes its session. */
const MAX_KEPT_FRAMES = 1024

export interface DownlinkSettings {
  /** Milliseconds for buffered bytes to leave when a stream is closed. */
  readonly closeTimeout: number
  /** Milliseconds that a session waits without a stream for its client to resume. */
  readonly grace: number
  /** Most bytes of frames kept for a client that resumes its session. */
  readonly maxKeptBytes: number
}

/**
 * Sends the frames of one session over a stream that may break and be replaced by another. Server and client both
 * count the frames. Frames carry no number, so that the same bytes go to every subscriber; a client that resumes says
 * how many frames it has received.
 *
 * After it has been closed, a client whose stream broke may still resume within `grace`, to get the last frames.
 */
export class Downlink implements Wire {
  /** Resolves when the downlink has been closed and its last stream is gone. */
  readonly ended: Promise<void>
  readonly #settings: DownlinkSettings
  readonly #resumable: boolean
  #end!: () => void
  #stream: EventStream | undefined
  #attached = false
  /** Number of frames of this session so far. */
  #written = 0
  /** Number of these frames that have been passed to a stream. */
  #sent = 0
  /** The newest frames, for a client that resumes. */
  #kept: Frame[] = []
  #keptBytes = 0
  #waitingBytes = 0
  #closed = false
  #terminated = false
  #maxWait = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /** @param resumable whether the client counts frames, can resume the session, and answers pings */
  constructor(settings: DownlinkSettings, resumable: boolean) {
    this.#settings = settings
    this.#resumable = resumable
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /**
   * A client that cannot resume cannot answer pings either. A dead connection shows when comments can no longer be
   * written.
   */
  get selfMonitored(): boolean {
    return !this.#resumable
  }

  get buffered(): number {
    return this.#stream?.buffered ?? this.#waitingBytes
  }

  write(frames: readonly Frame[]): void {
    if (this.#closed) return
    this.#written += frames.length
    if (this.#resumable || !this.#stream) this.#keep(frames)
    if (this.#stream?.write(frames)) this.#sent = this.#written
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#stream) this.#stream.end(this.#settings.closeTimeout)
    else if (this.#attached) this.#wait()
  }

  terminate(): void {
    this.#closed = true
    this.#terminated = true
    this.#kept = []
    clearTimeout(this.#timer)
    if (this.#stream) this.#stream.destroy()
    else this.#end()
  }

  /** Limits how long the downlink waits for its client to resume after it has been closed, in milliseconds. */
  limitWait(limit: number): void {
    this.#maxWait = limit
    if (this.#closed && !this.#stream && this.#attached) this.#wait()
  }

  /** Forgets the frames that the client has received. */
  acknowledge(received: number): void {
    const unacknowledged = this.#written - received
    if (unacknowledged >= 0) this.#forget(this.#kept.length - unacknowledged)
  }

  /**
   * Opens a stream, which replaces the current one, and sends the frames that the client has not received.
   *
   * @param received number of frames of this session that the client has received
   * @param broken called when this stream has gone, but not when it was closed or replaced; `complete` says whether it
   *   ended normally
   * @returns false when the downlink has ended, or no longer has the missed frames
   */
  attach(open: OpenStream, received: number, broken: (complete: boolean) => void): boolean {
    const missed = this.#written - received
    if (this.#terminated || !(missed >= 0 && missed <= this.#kept.length)) return false
    this.#stream?.end(this.#settings.closeTimeout)
    clearTimeout(this.#timer)
    const stream = open((complete) => {
      if (this.#stream !== stream) return
      this.#stream = undefined
      if (!this.#closed) broken(complete)
      else if (complete && this.#sent === this.#written) this.terminate()
      else this.#wait()
    })
    this.#stream = stream
    this.#attached = true
    this.#waitingBytes = 0
    this.acknowledge(received)
    if (missed > 0) stream.write(this.#kept)
    this.#sent = this.#written
    if (!this.#resumable) this.#kept = []
    if (this.#closed) stream.end(this.#settings.closeTimeout)
    return true
  }

  /** Waits for the client of a closed downlink to resume. */
  #wait(): void {
    const grace = this.#resumable ? Math.min(this.#settings.grace, this.#maxWait) : 0
    clearTimeout(this.#timer)
    if (this.#terminated || grace === 0) this.terminate()
    else this.#timer = setTimeout(() => this.terminate(), grace)
  }

  #keep(frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.#kept.push(frame)
      this.#keptBytes += frame.bytes
      if (!this.#stream) this.#waitingBytes += frame.bytes
    }
    const { maxKeptBytes } = this.#settings
    let drop = Math.max(0, this.#kept.length - MAX_KEPT_FRAMES)
    for (let bytes = this.#keptBytes; bytes > maxKeptBytes && drop < this.#kept.length; drop++) {
      bytes -= (this.#kept[drop] as Frame).bytes
    }
    this.#forget(drop)
  }

  /** Forgets the oldest frames. */
  #forget(count: number): void {
    if (count <= 0) return
    for (const frame of this.#kept.splice(0, count)) this.#keptBytes -= frame.bytes
  }
}
