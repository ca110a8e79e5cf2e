import { createBatchCodec, type Frame } from '../../core/frame.ts'

/**
 * A frame as one event. JSON has no line breaks of its own, so one `data` line holds it; messages are plain
 * events, everything else has the type `control`, so that `onmessage` of an `EventSource` sees only messages.
 * Source: HTML Living Standard, section 9.2.5, "Parsing an event stream".
 */
export const eventOf = ({ message, text }: Frame): string =>
  message.type === undefined ? `data: ${text}\n\n` : `event: control\ndata: ${text}\n\n`

/** Frames that leave together, as the text of their events. */
export const eventTexts = createBatchCodec((frames) => frames.map(eventOf).join(''))

/** Text as one chunk of a chunked HTTP body (RFC 9112, section 7.1). */
export const chunk = (text: string): Buffer =>
  Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)

/** Frames that leave together, for a body that ends with its connection. */
export const plainBytes = createBatchCodec((frames) => Buffer.from(frames.map(eventOf).join('')))

/** Frames that leave together, as one chunk. */
export const chunkedBytes = createBatchCodec((frames) => chunk(frames.map(eventOf).join('')))

/** Headers of every stream. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // For nginx, which would hold the stream back until its buffer is full.
  'x-accel-buffering': 'no',
}
