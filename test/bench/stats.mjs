/**
 * Value below which a share of the numbers lies, interpolated between neighbours (type 7 of Hyndman and Fan,
 * 1996). NaN if there are no numbers.
 *
 * @param {readonly number[]} numbers @param {number} share from 0 to 1
 */
export const quantile = (numbers, share) => {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

/** @param {readonly number[]} numbers */
export const median = (numbers) => quantile(numbers, 0.5)

/** Median, first and third quartile. @param {readonly number[]} numbers */
export const spread = (numbers) => ({
  median: median(numbers),
  low: quantile(numbers, 0.25),
  high: quantile(numbers, 0.75),
})

/**
 * @template T, K
 * @param {Iterable<T>} items @param {(item: T) => K} key
 * @returns {Map<K, T[]>} in the order of the first item of each group
 */
export const groupBy = (items, key) => {
  const groups = new Map()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return groups
}
