/** Random choices that the same seed repeats. */
export interface Random {
  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number
  pick<T>(choices: readonly T[]): T
}

/**
 * Creates a random generator from a seed and a purpose, so that each purpose has its own sequence. The algorithm is
 * mulberry32 by Tommy Ettinger (public domain).
 */
export const createRandom = (seed: number, purpose: string): Random => {
  let state = seed
  for (const character of purpose) state = Math.imul(state ^ (character.codePointAt(0) as number), 0x9e3779b1)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { below, pick: (choices) => choices[below(choices.length)] as (typeof choices)[number] }
}
