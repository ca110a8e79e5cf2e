import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'

/**
 * Most bytes of the subjects and names in one line of the NATS protocol. NATS ends a connection with a line of more than
 * 4,096 bytes; the rest is for the numbers in the line.
 */
const MAX_NAMES_BYTES = 4096 - 40

/**
 * Checks that NATS takes a line with a subject, and a reply subject or a queue.
 *
 * @throws `invalid_topic`
 */
export const assertLine = (subject: string, other = ''): void => {
  // A UTF-16 unit takes at most three bytes, so the bytes of short subjects need not be counted.
  if ((subject.length + other.length) * 3 <= MAX_NAMES_BYTES) return
  const bytes = Buffer.byteLength(subject) + Buffer.byteLength(other)
  if (bytes <= MAX_NAMES_BYTES) return
  const start = subject.slice(0, 80)
  throw new RookeryError('invalid_topic', `A NATS subject with ${bytes} bytes is too long: ${start}…`)
}

/** Whether NATS takes a line. Logs an error if not. */
export const takesLine = (log: Logger, subject: string, other?: string): boolean => {
  try {
    assertLine(subject, other)
    return true
  } catch (err) {
    log.error({ err, stage: 'nats' }, 'a message or subscription was not passed to NATS')
    return false
  }
}
