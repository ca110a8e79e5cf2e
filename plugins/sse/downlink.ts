import type { Frame } from '../../core/protocol/frame.ts'
import type { Wire } from '../../core/sessions/transport.ts'
import type { EventStream, OpenStream } from './event-stream.ts'

/** Most frames kept for a client that resumes its session. */
const MAX_KEPT_FRAMES = 1024

export interface DownlinkSettings {
  /** Milliseconds for buffered bytes to leave when a stream is closed. */
  readonly closeTimeout: number
  /** Most bytes of frames kept for a client that resumes its session. */
  readonly maxKeptBytes: number
}

/**
 * Sends the frames of one session over a stream that may break and be replaced by another. Server and client both
 * count the frames. Frames carry no number, so that the same bytes go to every subscriber; a client that resumes says
 * how many frames it has received.
 */
export class Downlink implements Wire {
  /** Resolves when the downlink has been closed and its last stream is gone. */
  readonly ended: Promise<void>
  readonly #settings: DownlinkSettings
  readonly #resumable: boolean
  #end!: () => void
  #stream: EventStream | undefined
  /** Number of frames of this session so far. */
  #written = 0
  /** The newest frames, for a client that resumes. */
  #kept: Frame[] = []
  #keptBytes = 0
  #waitingBytes = 0
  #closed = false

  /** @param resumable whether the client counts frames, can resume the session, and answers pings */
  constructor(settings: DownlinkSettings, resumable: boolean) {
    this.#settings = settings
    this.#resumable = resumable
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /**
   * A client that cannot resume cannot answer pings either, so the session sends none. A dead connection shows when comments
   * can no longer be written.
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
    this.#stream?.write(frames)
  }

  close(): void {
    this.#shut((stream) => stream.end(this.#settings.closeTimeout))
  }

  terminate(): void {
    this.#shut((stream) => stream.destroy())
  }

  /**
   * Opens a stream, which replaces the current one, and sends the frames that the client has not received.
   *
   * @param received number of frames of this session that the client has received
   * @param broken called when this stream breaks, but not when it is closed or replaced
   * @returns false when the downlink is closed, or no longer has the missed frames
   */
  attach(open: OpenStream, received: number, broken: () => void): boolean {
    const missed = this.#written - received
    if (this.#closed || !(missed >= 0 && missed <= this.#kept.length)) return false
    this.#stream?.end(this.#settings.closeTimeout)
    const stream = open(() => {
      if (this.#stream !== stream) return
      this.#stream = undefined
      if (this.#closed) this.#end()
      else broken()
    })
    this.#stream = stream
    this.#waitingBytes = 0
    if (missed > 0) stream.write(this.#kept.slice(-missed))
    if (!this.#resumable) this.#kept = []
    return true
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
    for (const dropped of this.#kept.splice(0, drop)) this.#keptBytes -= dropped.bytes
  }

  #shut(close: (stream: EventStream) => void): void {
    this.#closed = true
    this.#kept = []
    if (this.#stream) close(this.#stream)
    else this.#end()
  }
}
