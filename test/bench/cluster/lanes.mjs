import { PAYLOAD_BYTES } from '../message.mjs'

/** Number of topics of the lane `many`. */
const MANY_TOPICS = 1000

/** Most messages under way from a publisher to a node, and number of messages after which the node reports. */
export const FLOW = { window: 5000, every: 1000 }

/** Messages published in one turn of the event loop in the throughput benchmark. */
export const BURST = 100

/** The topics of a lane. Its messages are published to them in turn. @param {string} lane */
export const topicsOf = (lane) =>
  lane === 'many' ? Array.from({ length: MANY_TOPICS }, (_, n) => `bench/many/${n}`) : [`bench/${lane}`]

/** The nth idle topic. @param {number} n */
export const idleTopic = (n) => `rooms/${n}/messages`

/** Microseconds on the clock that all processes of a machine share. */
export const clock = () => Number(process.hrtime.bigint() / 1000n)

const EPOCH = 100_000_000_000_000
const PADDING = 'x'.repeat(PAYLOAD_BYTES - '{"at":100000000000000,"text":""}'.length)

/** A payload with the time of publishing, of the same length as other payloads. */
export const timedPayload = () => ({ at: EPOCH + clock(), text: PADDING })

/** Microseconds since a message was published. @param {number} now @param {string} text */
export const ageOf = (now, text) => now + EPOCH - Number(/"at":(\d+)/.exec(text)?.[1])
