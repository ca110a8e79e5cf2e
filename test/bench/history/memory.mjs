import { closing } from '../cluster/closing.mjs'
import { compare } from '../cluster/rounds.mjs'
import { SERVER_CORE, Worker } from '../ipc.mjs'

/** Messages that are kept before the measurement, so that the code has been compiled. */
const WARM_UP_MESSAGES = 5000

/**
 * Measures the memory of a kept message.
 *
 * @param {{ rounds: number, messages: number, topics: number }} plan `topics`: of the variant with many
 */
export const measureMemory = ({ rounds, messages, topics }) => {
  const ways = [1, topics].map((count) => ({
    name: count === 1 ? '1 topic' : `${count.toLocaleString('en')} topics`,
    topics: count,
  }))
  const measure = (/** @type {typeof ways[number]} */ way) =>
    closing(async (own) => {
      const server = own(new Worker('history/servers/keeping.mjs', SERVER_CORE))
      await server.call('keep', { messages: WARM_UP_MESSAGES, topics: way.topics })
      return { 'heap B/message': await server.call('keep', { messages, topics: way.topics }) }
    })
  return compare(ways, rounds, measure, {})
}
