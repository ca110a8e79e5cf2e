import type { Frame } from '../../core/protocol/frame.ts'
import type { Wire } from '../../core/sessions/transport.ts'
import type { OpenStream, Stream } from './event-stream.ts'

/** Most frames kept for a client that comes back to its session. */
const KEPT = 1024

export interface DownlinkSettings {
  /** Milliseconds for what is buffered to leave when the stream is closed. */
  readonly closeTimeout: number
  /** Most bytes kept for a client that comes back. */
  readonly maxKept: number
}

/**
 * The way down of one session: a stream that may break and be replaced by another. Frames are counted on both
 * sides and not numbered, so that the same bytes go to everybody; a client that comes back says how many it got.
 */
export class Downlink implements Wire {
  /** Resolves when it has been closed and its last stream is gone. */
  readonly ended: Promise<void>
  readonly #settings: DownlinkSettings
  readonly #resumable: boolean
  #end!: () => void
  #stream: Stream | undefined
  /** Frames of this session so far. */
  #written = 0
  /** The last of them, for a client that can come back. */
  #kept: Frame[] = []
  #keptBytes = 0
  #waitingBytes = 0
  #closed = false

  /** @param resumable whether the client counts frames, can come back for more, and answers pings */
  constructor(settings: DownlinkSettings, resumable: boolean) {
    this.#settings = settings
    this.#resumable = resumable
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Who cannot come back cannot answer pings either: that its connection is gone shows in time by itself. */
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
   * Gives the session a stream, in place of the one it may have, and sends it all that its client has not got.
   *
   * @param received how many frames the client has got of this session
   * @param broken called when this stream breaks, not when it is closed or replaced
   * @returns false when what it has not got is no longer known
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
      this.#keptBytes += frame.text.length
      if (!this.#stream) this.#waitingBytes += frame.text.length
    }
    let drop = Math.max(0, this.#kept.length - KEPT)
    for (let bytes = this.#keptBytes; bytes > this.#settings.maxKept && drop < this.#kept.length; drop++) {
      bytes -= (this.#kept[drop] as Frame).text.length
    }
    for (const dropped of this.#kept.splice(0, drop)) this.#keptBytes -= dropped.text.length
  }

  #shut(close: (stream: Stream) => void): void {
    this.#closed = true
    this.#kept = []
    if (this.#stream) close(this.#stream)
    else this.#end()
  }
}
