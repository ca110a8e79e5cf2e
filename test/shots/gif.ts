import gifenc from 'gifenc'
import { PNG } from 'pngjs'

const { GIFEncoder, applyPalette, quantize } = gifenc

const COLOURS = 128

/** A picture and how long it is shown, in milliseconds. */
export interface Shot {
  readonly png: Buffer
  readonly ms: number
}

/** Writes screenshots of one size as an animated GIF that repeats. Equal pictures that follow each other become one. */
export const toGif = (shots: readonly Shot[]): Uint8Array => {
  const gif = GIFEncoder()
  const frames: { png: Buffer; ms: number }[] = []
  for (const { png, ms } of shots) {
    const last = frames.at(-1)
    if (last?.png.equals(png)) last.ms += ms
    else frames.push({ png, ms })
  }
  for (const { png, ms } of frames) {
    const { data, width, height } = PNG.sync.read(png)
    const palette = quantize(data, COLOURS)
    gif.writeFrame(applyPalette(data, palette), width, height, { palette, delay: ms })
  }
  gif.finish()
  return gif.bytes()
}
