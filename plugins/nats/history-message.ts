import type { KeptMessage, NewMessage } from '../../core/history/store.ts'

/** The first line of a stored message. */
interface StoredHeader {
  readonly topic: string
  /** Absent if the only topic is `topic`. */
  readonly topics?: readonly string[]
  readonly except?: string
}

/**
 * Encodes a message for the stream: a line with its topics as JSON, then the payload. The payload is not parsed when a node
 * reads the message.
 *
 *     {"topic":"rooms/42/messages"}
 *     {"text":"hello"}
 */
export const encodeStored = ({ topic, topics, payload, except }: NewMessage): string => {
  const isOnly = topics.length === 1 && topics[0] === topic
  const header: StoredHeader = { topic, ...(!isOnly && { topics }), ...(except !== null && { except }) }
  const line = JSON.stringify(header)
  return payload === undefined ? line : `${line}\n${payload}`
}

/** Decodes a message of the stream. @throws Error if the text is not a stored message */
export const decodeStored = (text: string, seq: number, time: number): KeptMessage => {
  const newline = text.indexOf('\n')
  const header = JSON.parse(newline < 0 ? text : text.slice(0, newline)) as StoredHeader
  const { topic, topics = [topic], except = null } = header
  if (typeof topic !== 'string' || !Array.isArray(topics)) throw new Error('The message has no topic')
  return { seq, topic, topics, payload: newline < 0 ? undefined : text.slice(newline + 1), except, time }
}

/** Takes the place of a message that another program has stored in the stream. It matches no pattern. */
export const unreadable = (seq: number, time: number): KeptMessage => ({
  seq,
  topic: '',
  topics: [],
  payload: undefined,
  except: null,
  time,
})
