import type { Frame } from '../protocol/frame.ts'

/** Kept messages of the fan-out that wait for a replay. Or the range of their numbers, once they have been dropped. */
export class HeldFrames {
  readonly frames: Frame[] = []
  bytes = 0
  isDropped = false
  /** The number before the first of them. */
  after = 0
  /** The number of the last one. */
  upTo = 0

  /** Creates the range of messages that have been dropped elsewhere. */
  static dropped(after: number, upTo: number): HeldFrames {
    const range = new HeldFrames()
    range.drop()
    range.after = after
    range.upTo = upTo
    return range
  }

  /** Returns the bytes by which they have grown. */
  add(frame: Frame): number {
    if (this.upTo === 0) this.after = frame.seq - 1
    this.upTo = frame.seq
    if (this.isDropped) return 0
    this.frames.push(frame)
    this.bytes += frame.bytes
    return frame.bytes
  }

  /** Forgets the messages up to a number. Returns the bytes by which they have shrunk. */
  forget(seq: number): number {
    const before = this.bytes
    while (this.frames[0] && this.frames[0].seq <= seq) this.bytes -= (this.frames.shift() as Frame).bytes
    this.after = Math.max(this.after, seq)
    this.upTo = Math.max(this.upTo, seq)
    return before - this.bytes
  }

  /** Drops the frames and keeps their range. */
  drop(): void {
    this.isDropped = true
    this.frames.length = 0
    this.bytes = 0
  }
}
