/** Every message is published to this topic (room, event name). */
export const TOPIC = 'bench/tick'

/** Bytes of a message's payload as JSON. */
export const PAYLOAD_BYTES = 128

const PADDING = 'x'.repeat(PAYLOAD_BYTES - '{"seq":100000000,"text":""}'.length)

/**
 * The payload of the nth message. Payloads differ, so that no server can cache an encoded message. They have the same
 * length, so that a receiver can count messages by their bytes.
 *
 * @param {number} n less than 900 million
 */
export const payloadOf = (n) => ({ seq: 100_000_000 + n, text: PADDING })

/**
 * Number of messages after which the load reports its progress to the publisher. A run publishes a multiple of this
 * number.
 */
export const REPORT_EVERY = 10

/** Most messages under way to a connection, so that no peer counts as a slow consumer. */
export const WINDOW = 3 * REPORT_EVERY
