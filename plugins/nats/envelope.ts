/**
 * The format of messages between nodes: a line with the sender and a header, then the payload as JSON.
 *
 *     rookery/1 4f2a91c07be3 1k {"except":"4f2a91c07be3-9d…"}
 *     {"text":"hello"}
 *
 * The line holds the protocol version, the node, the message id, and optionally the header as JSON. No JSON text begins
 * with `r`, so any other text is a payload that an external NATS client has published. The format does not use NATS
 * headers, because in the Node client they cost as much again as the message itself.
 */

/** Version of the protocol between nodes. */
export const NODE_PROTOCOL = 1

const MARK = 'rookery/'

/** A message of a node. */
export interface Envelope<H> {
  readonly node: string
  /**
   * Unique among the messages of the node. A message can arrive once for each matching subscription; such copies have
   * the same id.
   */
  readonly id: string
  readonly header: H | undefined
  /** JSON, or undefined if the message has no payload. */
  readonly payload: string | undefined
}

/** A message of a node that uses another protocol version. */
export interface ForeignEnvelope {
  readonly version: string
  readonly node: string
}

/** Encodes a message. */
export const encodeEnvelope = (
  node: string,
  id: string,
  header: object | undefined,
  payload: string | undefined,
): string => {
  const json = header === undefined ? '' : ` ${JSON.stringify(header)}`
  const line = `${MARK}${NODE_PROTOCOL} ${node} ${id}${json}`
  return payload === undefined ? line : `${line}\n${payload}`
}

/** Whether a text is an envelope, of any version. */
export const isEnvelope = (text: string): boolean => text.startsWith(MARK)

/** The beginning of an envelope of this version. */
const OWN_MARK = `${MARK}${NODE_PROTOCOL} `

/**
 * Decodes a message. It searches for spaces instead of using a regular expression, because it runs for every message
 * and the expression took as long as all other work on a received message.
 *
 * @throws Error if the text is not an envelope
 */
export const decodeEnvelope = <H>(text: string): Envelope<H> | ForeignEnvelope => {
  const newline = text.indexOf('\n')
  const end = newline < 0 ? text.length : newline
  if (!text.startsWith(OWN_MARK)) return decodeForeign(text.slice(0, end))
  const nodeEnd = partEnd(text, OWN_MARK.length, end)
  const idEnd = partEnd(text, nodeEnd + 1, end)
  if (nodeEnd === OWN_MARK.length || idEnd <= nodeEnd + 1) {
    throw new Error(`The message has no node or no id: ${text.slice(0, 80)}`)
  }
  return {
    node: text.slice(OWN_MARK.length, nodeEnd),
    id: text.slice(nodeEnd + 1, idEnd),
    header: idEnd === end ? undefined : (JSON.parse(text.slice(idEnd + 1, end)) as H),
    payload: newline < 0 ? undefined : text.slice(newline + 1),
  }
}

/** The index of the space that ends the part which begins at `from`, or `end`. */
const partEnd = (text: string, from: number, end: number): number => {
  const space = text.indexOf(' ', from)
  return space < 0 || space > end ? end : space
}

const decodeForeign = (line: string): ForeignEnvelope => {
  const [, version, node] = /^rookery\/(\S+) (\S+)(?: |$)/.exec(line) ?? []
  if (version === undefined || node === undefined || version === String(NODE_PROTOCOL)) {
    throw new Error(`Not a message of a node: ${line.slice(0, 80)}`)
  }
  return { version, node }
}
