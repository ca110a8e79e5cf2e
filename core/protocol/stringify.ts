import { RookeryError } from './errors.ts'
import { lossOf } from './json-loss.ts'

/**
 * Returns a value as JSON, or undefined for undefined.
 *
 * @param payload the part of the value that the application wrote. By default it is the whole value
 * @throws `unserializable` if JSON cannot hold the payload, or would silently write `{}` for a part of it. The message
 *   names the part: `payload.items[3].tags is a Map`
 */
export const stringify = (value: unknown, payload: unknown = value): string | undefined => {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new RookeryError('unserializable', `The payload cannot be written as JSON: ${reason}`, { cause })
  }
  const loss = lossOf(payload)
  if (loss) throw new RookeryError('unserializable', `The payload cannot be written as JSON: payload${loss}`)
  return text
}
