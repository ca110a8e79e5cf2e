import { PAYLOAD_BYTES } from '../message.mjs'

/** Different topics of the lane `many`. */
const MANY = 1000

/** Messages that a publisher may have on their way to a node, and after how many the node reports. */
export const FLOW = { window: 5000, every: 1000 }

/** Messages published in one turn of the event loop, when it is about throughput. */
export const BURST = 100

/** Messages of a lane go round its topics. @param {string} lane */
export const topicsOf = (lane) =>
  lane === 'many' ? Array.from({ length: MANY }, (_, n) => `bench/many/${n}`) : [`bench/${lane}`]

/** Topics without messages, or with hardly any. @param {number} n */
export const idleTopic = (n) => `rooms/${n}/messages`

/** Microseconds on the clock that all processes of a machine share. */
export const clock = () => Number(process.hrtime.bigint() / 1000n)

const EPOCH = 100_000_000_000_000
const PADDING = 'x'.repeat(PAYLOAD_BYTES - '{"at":100000000000000,"text":""}'.length)

/** A payload with the time of publishing, of the same length as other payloads. */
export const timedPayload = () => ({ at: EPOCH + clock(), text: PADDING })

/** Microseconds since a message was published. @param {number} now @param {string} text */
export const ageOf = (now, text) => now + EPOCH - Number(/"at":(\d+)/.exec(text)?.[1])
