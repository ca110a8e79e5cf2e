import { describe, expect, it } from 'vitest'
import { FrameMeter } from '../../../core/admission/frame-meter.ts'
import { PIECE, SMALL_PIECE } from '../../../core/admission/piece-reader.ts'

/** A frame by RFC 6455, section 5.2, whose payload is full of what would be headers. */
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

describe('the sizes of pieces of WebSocket frames', () => {
  it('are what the reader takes at first', () => {
    expect(new FrameMeter().size(PIECE)).toBe(PIECE)
    expect(new FrameMeter().size(SMALL_PIECE)).toBe(SMALL_PIECE)
  })

  it.each([
    [1000, true],
    [60_000, true],
    [60_000, false],
    [70_000, true],
  ])('are what is left of a payload of %i bytes, masked: %s', (length, masked) => {
    const meter = new FrameMeter()
    const bytes = frame(length, masked)
    const header = bytes.length - length
    for (let at = 0; at < header - 1; at++) {
      meter.took(bytes.subarray(at, at + 1))
      expect(meter.size(PIECE)).toBe(PIECE)
    }
    meter.took(bytes.subarray(header - 1, header))
    expect(meter.size(PIECE)).toBe(length)
    meter.took(bytes.subarray(header, header + 100))
    expect(meter.size(PIECE)).toBe(length - 100)
    meter.took(bytes.subarray(header + 100))
    expect(meter.size(PIECE)).toBe(PIECE)
  })

  it.each([1, 7, 512, 10_000])('follow frames of all lengths in pieces of %i bytes', (piece) => {
    const lengths = [0, 1, 125, 126, 2000, 65_535, 65_536, 0, 5]
    const frames = lengths.map((length, index) => frame(length, index % 2 === 0))
    const bytes = Uint8Array.from(frames.flatMap((frame) => [...frame]))
    const meter = new FrameMeter()
    let end = 0
    const ends = frames.map((frame) => {
      end += frame.length
      return end
    })
    for (let at = 0; at < bytes.length; at += piece) {
      meter.took(bytes.subarray(at, at + piece))
      const read = Math.min(at + piece, bytes.length)
      const left = (ends.find((end) => end >= read) as number) - read
      const index = ends.findIndex((end) => end >= read)
      const isPayload = left <= (lengths[index] as number)
      expect(meter.size(PIECE)).toBe(isPayload ? Math.max(PIECE, left) : PIECE)
    }
  })
})
