import { Pair } from './pair.mjs'

/** Messages per turn of the event loop. */
export const BURSTS = [1, 10]

/**
 * One slice of a target's time; a round is once around all targets.
 *
 * @typedef {{ target: string, burst: number, round: string, micros: number, rate: number }} Sample
 * @typedef {{ target: string, bytes: number }} Memory
 *
 * @typedef {object} Plan
 * @property {readonly string[]} targets
 * @property {number} repeat number of times that everything is started
 * @property {number} rounds of every repetition
 * @property {number} millis length of a slice
 */

/**
 * Measures all targets with this many connections. Their servers and connections all exist at the same time and
 * take turns, a slice each, so that whatever else the machine does meets all of them.
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
