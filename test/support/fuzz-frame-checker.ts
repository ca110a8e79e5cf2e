import { errorTable } from '../../core/protocol/error-table.ts'

type Fields = Record<string, unknown>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isString = (value: unknown): value is string => typeof value === 'string'

const isCursor = (value: unknown): boolean =>
  value === undefined || (isString(value) && /^[\w-]{22}$/.test(value))

/** Checks the frames that all peers get. Collects violations for the end of the test. */
export class FrameChecker {
  readonly violations: string[] = []
  /** Ids of the internal errors that clients got. */
  readonly internal: string[] = []
  #checkedFrames = 0

  /** Number of frames checked so far. */
  get checkedFrames(): number {
    return this.#checkedFrames
  }

  add(peer: string, what: string, about = ''): void {
    if (this.violations.length < 20) this.violations.push(`${peer}: ${what} ${about.slice(0, 300)}`)
  }

  /** Checks a frame of the server. */
  checkFrame(peer: string, frame: unknown): void {
    this.#checkedFrames++
    const violation = this.#violation(frame)
    if (violation) this.add(peer, violation, JSON.stringify(frame))
  }

  /** Checks an error that a client got, in a frame or in an HTTP response. */
  checkError(peer: string, error: unknown): void {
    const violation = this.#errorViolation(error)
    if (violation) this.add(peer, violation, JSON.stringify(error))
  }

  #violation(frame: unknown): string | undefined {
    if (!isObject(frame)) return 'a frame is not an object'
    switch (frame.type) {
      case undefined:
        if (!isCursor(frame.cursor)) return 'a message with a wrong cursor'
        return isString(frame.topic) ? undefined : 'a message without a topic'
      case 'welcome':
        return isString(frame.session) && frame.protocol === 1 ? undefined : 'a wrong welcome'
      case 'reply':
        if (!Number.isSafeInteger(frame.id)) return 'a reply without an id'
        return 'error' in frame ? this.#errorViolation(frame.error) : undefined
      case 'error':
        return this.#errorViolation(frame.error)
      case 'close':
        if (frame.reconnectAfter !== null && !(Number(frame.reconnectAfter) >= 0))
          return 'a wrong reconnectAfter'
        return this.#errorViolation(frame.error)
      case 'ping':
        return isCursor(frame.cursor) ? undefined : 'a ping with a wrong cursor'
      case 'replayed':
        if (!isCursor(frame.cursor)) return 'an end of a replay with a wrong cursor'
        return frame.recovered === (frame.reason === undefined) ? undefined : 'a wrong end of a replay'
      case 'unsubscribed':
        return Array.isArray(frame.topics) ? this.#errorViolation(frame.error) : 'unsubscribed from nothing'
      case 'auth':
        return typeof frame.expiresIn === 'number' ? undefined : 'a wrong auth frame'
      default:
        return 'a frame of an unknown type'
    }
  }

  #errorViolation(error: unknown): string | undefined {
    if (!isObject(error) || !isString(error.code) || !isString(error.message)) return 'a wrong error'
    if (!Object.hasOwn(errorTable, error.code)) return 'an unknown error'
    if (error.code === 'internal') this.internal.push(String(error.id))
    return undefined
  }
}
