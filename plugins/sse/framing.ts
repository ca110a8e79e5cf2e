import { createBatchCodec, type Frame } from '../../core/protocol/frame.ts'

/**
 * Encodes a frame as one event. One `data` line holds it, since its JSON has no line breaks. A message is a plain
 * event; every other frame has the type `control`, so that `onmessage` of an `EventSource` receives only messages.
 * The cursor of a frame is the id of its event: an `EventSource` that reconnects sends the last one as `Last-Event-ID`.
 * Source: HTML Living Standard, section 9.2.5, "Parsing an event stream".
 */
export const eventOf = ({ message, text }: Frame): string => {
  const type = message.type === undefined ? '' : 'event: control\n'
  const id = 'cursor' in message && message.cursor !== undefined ? `id: ${message.cursor}\n` : ''
  return `${type}${id}data: ${text}\n\n`
}

/** Encodes a batch of frames as the text of their events. */
export const eventTexts = createBatchCodec((frames) => frames.map(eventOf).join(''))

/** Encodes a batch of frames as the bytes of their events, once for all connections. */
export const eventBytes = createBatchCodec((frames) => Buffer.from(frames.map(eventOf).join('')))

/** Headers of every stream. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // Without this header, nginx holds the stream back until its buffer is full.
  'x-accel-buffering': 'no',
}
