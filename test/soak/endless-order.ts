import type { Random } from '../../plugins/testing/random.ts'

/** Returns a function that gives all items in a random order, again and again: each one comes early. */
export const endlessOrder = <T>(items: readonly T[], random: Random): (() => T) => {
  let left: T[] = []
  return () => {
    if (left.length === 0) left = [...items]
    return left.splice(random.below(left.length), 1)[0] as T
  }
}
