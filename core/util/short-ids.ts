/**
 * Shortens the session ids (`<node>-<44 characters of base64url>`) in a text for the log or an error message, as `logId`
 * does. The whole id is a secret: it admits to the uplink of server-sent events.
 */
export const shortIds = (text: string): string =>
  text.replace(/(?<=[-/.])([\w-]{8})[\w-]{36}(?![\w-])/g, '$1')

/** Shortens the session ids in the message of another library's error. Returns the error itself if there are none. */
export const withShortIds = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error
  const { name, message, stack = '', cause } = error
  const changed = shortIds(message) !== message || shortIds(stack) !== stack
  if (!changed) return error
  const copy = new Error(shortIds(message), { cause: withShortIds(cause) })
  return Object.assign(copy, { name, stack: shortIds(stack) })
}
