import { createBatchCodec, type Frame } from '../../core/protocol/frame.ts'

/**
 * A frame as one event. JSON has no line breaks of its own, so one `data` line holds it; messages are plain
 * events, everything else has the type `control`, so that `onmessage` of an `EventSource` sees only messages.
 * Source: HTML Living Standard, section 9.2.5, "Parsing an event stream".
 */
export const eventOf = ({ message, text }: Frame): string =>
  message.type === undefined ? `data: ${text}\n\n` : `event: control\ndata: ${text}\n\n`

/** Frames that leave together, as the text of their events. */
export const eventTexts = createBatchCodec((frames) => frames.map(eventOf).join(''))

/** Frames that leave together, as the bytes of their events: the same for every connection. */
export const eventBytes = createBatchCodec((frames) => Buffer.from(frames.map(eventOf).join('')))

/** Headers of every stream. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // For nginx, which would hold the stream back until its buffer is full.
  'x-accel-buffering': 'no',
}
