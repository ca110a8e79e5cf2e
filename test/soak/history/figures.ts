/** The value below which a share of the values lies, such as 0.99 of them. 0 without values. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** How many values lie in each part of equal width, from 0. */
export const countByPart = (values: readonly number[], width: number): number[] => {
  const parts: number[] = []
  for (const value of values) {
    const part = Math.max(0, Math.floor(value / width))
    parts[part] = (parts[part] ?? 0) + 1
  }
  return Array.from(parts, (count = 0) => count)
}
