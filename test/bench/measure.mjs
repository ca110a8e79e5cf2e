import { Pair } from './pair.mjs'

/** Messages per turn of the event loop. */
export const BURSTS = [1, 10]

/**
 * Samples and memory. A sample is one slice of a target, and a round is one slice of every target.
 *
 * @typedef {{ target: string, burst: number, round: string, micros: number, rate: number }} Sample
 * @typedef {{ target: string, bytes: number }} Memory
 *
 * @typedef {object} Plan
 * @property {readonly string[]} targets
 * @property {number} repeat number of times that the servers are started
 * @property {number} rounds of every repetition
 * @property {number} millis length of a slice
 */

/**
 * Measures all targets. Their servers and connections exist at the same time and take turns, one slice each, so that
 * other load of the machine affects all of them.
 *
 * @param {number} connections @param {Plan} plan
 */
export const measure = async (connections, { targets, repeat, rounds, millis }) => {
  /** @type {Sample[]} */
  const samples = []
  /** @type {Memory[]} */
  const memory = []
  for (let repetition = 0; repetition < repeat; repetition++) {
    /** @type {Pair[]} */
    const pairs = []
    try {
      for (const target of targets) {
        const pair = new Pair(target, connections)
        pairs.push(pair)
        memory.push({ target, bytes: await pair.open() })
      }
      for (const burst of BURSTS) for (const pair of pairs) await pair.warmUp(burst)
      for (let round = 0; round < rounds; round++) {
        for (const burst of BURSTS) {
          for (const pair of pairs) {
            const sample = await pair.run({ burst, millis })
            samples.push({ target: pair.target, burst, round: `${repetition}/${round}`, ...sample })
          }
        }
      }
    } finally {
      await Promise.all(pairs.map((pair) => pair.stop()))
    }
  }
  return { samples, memory }
}
