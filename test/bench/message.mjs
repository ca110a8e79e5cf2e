/** Every message is published to this topic (room, event name). */
export const TOPIC = 'bench/tick'

/** Bytes of a message's payload as JSON. */
export const PAYLOAD_BYTES = 128

const PADDING = 'x'.repeat(PAYLOAD_BYTES - '{"seq":100000000,"text":""}'.length)

/**
 * The payload of the n-th message: no two are equal, so that no server can cache an encoded one, and all have the
 * same length, so that a receiver can count messages by counting bytes.
 *
 * @param {number} n less than 900 million
 */
export const payloadOf = (n) => ({ seq: 100_000_000 + n, text: PADDING })

/**
 * Messages after which the load reports the progress of every connection to the publisher. A run publishes a
 * multiple of it.
 */
export const REPORT_EVERY = 10

/** Most messages on their way to a connection, so that no peer gets so far behind as to count as slow. */
export const WINDOW = 3 * REPORT_EVERY
