import { describe, expect, it } from 'vitest'
import { FrameLengths } from '../../../core/admission/frame-lengths.ts'

/** A frame by RFC 6455, section 5.2. Its payload looks like headers. */
const frame = (length: number, masked: boolean): Uint8Array => {
  const flag = masked ? 0x80 : 0
  const header =
    length < 126
      ? [flag | length]
      : length < 65_536
        ? [flag | 126, length >> 8, length & 0xff]
        : [flag | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff]
  const mask = masked ? [1, 2, 3, 4] : []
  return Uint8Array.from([0x81, ...header, ...mask, ...Array(length).fill(0xff)])
}

describe('the lengths of WebSocket frames', () => {
  it.each([
    [1000, true],
    [60_000, true],
    [60_000, false],
    [70_000, true],
  ])('are known after the header of a payload of %i bytes, masked: %s', (length, masked) => {
    const lengths = new FrameLengths()
    const bytes = frame(length, masked)
    const header = bytes.length - length
    for (let at = 0; at < header - 1; at++) {
      lengths.take(bytes.subarray(at, at + 1))
      expect(lengths.payload).toBe(0)
    }
    lengths.take(bytes.subarray(header - 1, header))
    expect(lengths.payload).toBe(length)
    lengths.take(bytes.subarray(header, header + 100))
    expect(lengths.payload).toBe(length - 100)
    lengths.take(bytes.subarray(header + 100))
    expect(lengths.payload).toBe(0)
  })

  it.each([1, 7, 512, 10_000])('are correct for frames of all lengths in pieces of %i bytes', (piece) => {
    const sizes = [0, 1, 125, 126, 2000, 65_535, 65_536, 0, 5]
    const frames = sizes.map((length, index) => frame(length, index % 2 === 0))
    const bytes = Uint8Array.from(frames.flatMap((frame) => [...frame]))
    const lengths = new FrameLengths()
    let end = 0
    const ends = frames.map((frame) => {
      end += frame.length
      return end
    })
    for (let at = 0; at < bytes.length; at += piece) {
      lengths.take(bytes.subarray(at, at + piece))
      const read = Math.min(at + piece, bytes.length)
      const index = ends.findIndex((end) => end >= read)
      const left = (ends[index] as number) - read
      const isPayload = left <= (sizes[index] as number)
      expect(lengths.payload).toBe(isPayload ? left : 0)
    }
  })
})
