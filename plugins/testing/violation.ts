/** Most characters of what was seen that a failure shows. */
const SHOWN = 600

/** Anything as text that fits into a failure's message; of long texts the end, which says most. */
export const excerpt = (value: unknown): string => {
  const text = value === undefined ? 'undefined' : JSON.stringify(value)
  return text.length > SHOWN ? `… ${text.slice(-SHOWN)}` : text
}

/** A failure that says what the contract demands and what was seen instead. */
export const violation = (requirement: string, seen: string): Error => new Error(`${requirement}; ${seen}`)

/**
 * Says where a sequence departs from what it must be, or nothing when it does not. Short, unlike a diff of hundreds.
 */
export const mismatch = (seen: readonly unknown[], sent: readonly unknown[]): string | undefined => {
  const index = sent.findIndex((item, at) => JSON.stringify(item) !== JSON.stringify(seen[at]))
  if (index < 0 && seen.length === sent.length) return undefined
  const at = index < 0 ? sent.length : index
  const due = at < sent.length ? excerpt(sent[at]).slice(0, 60) : 'nothing'
  const came = at < seen.length ? excerpt(seen[at]).slice(0, 60) : 'nothing'
  return `of ${sent.length} sent ${seen.length} came; after ${at} that were right came ${came}, where ${due} was due`
}
