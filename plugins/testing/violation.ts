/** Most characters of a value that a failure message shows. */
const EXCERPT_CHARACTERS = 600

/** Most characters of one item that {@link mismatch} shows. */
const ITEM_CHARACTERS = 60

/** A value as JSON, short enough for a failure message. Shows the end of a long text: the last frames explain most. */
export const excerpt = (value: unknown): string => {
  const text = value === undefined ? 'undefined' : JSON.stringify(value)
  return text.length > EXCERPT_CHARACTERS ? `… ${text.slice(-EXCERPT_CHARACTERS)}` : text
}

/** An error that names the violated requirement of the contract and what was observed instead. */
export const violation = (requirement: string, observed: string): Error =>
  new Error(`${requirement}; ${observed}`)

/**
 * Describes the first difference between what was received and what was sent. Returns undefined if there is none.
 * A diff of several hundred items would be too long to read.
 */
export const mismatch = (received: readonly unknown[], sent: readonly unknown[]): string | undefined => {
  const index = sent.findIndex((item, at) => JSON.stringify(item) !== JSON.stringify(received[at]))
  if (index < 0 && received.length === sent.length) return undefined
  const at = index < 0 ? sent.length : index
  const itemOf = (items: readonly unknown[]) =>
    at < items.length ? excerpt(items[at]).slice(0, ITEM_CHARACTERS) : 'nothing'
  const counts = `sent ${sent.length}, received ${received.length}`
  return `${counts}; the first ${at} are correct, the next is ${itemOf(received)}, expected ${itemOf(sent)}`
}
