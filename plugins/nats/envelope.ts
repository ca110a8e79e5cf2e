/**
 * What nodes say to each other over NATS: a line that says who speaks, and after it the payload as JSON.
 *
 *     rookery/1 4f2a91c07be3 1k {"except":"4f2a91c07be3-9d…"}
 *     {"text":"hello"}
 *
 * Version, node, id, and what else there is to say. No JSON text begins with an `r`: anything else is a payload from
 * whoever publishes to NATS directly. A line instead of NATS headers, because those cost the Node client as much again
 * as the message itself.
 */

/** Version of what nodes say to each other. */
export const NODE_PROTOCOL = 1

const MARK = 'rookery/'

/** A message of a node. */
export interface Envelope<N> {
  readonly node: string
  /** Tells copies of one message, which come by several subscriptions, from other messages of that node. */
  readonly id: string
  readonly note: N | undefined
  /** JSON, or undefined when there is none. */
  readonly payload: string | undefined
}

/** A message of a node that speaks another version. */
export interface Foreign {
  readonly version: string
  readonly node: string
}

/** Puts a message together. */
export const seal = (
  node: string,
  id: string,
  note: object | undefined,
  payload: string | undefined,
): string => {
  const line = `${MARK}${NODE_PROTOCOL} ${node} ${id}${note === undefined ? '' : ` ${JSON.stringify(note)}`}`
  return payload === undefined ? line : `${line}\n${payload}`
}

/** Whether a text is the message of a node, and not a payload. */
export const isSealed = (text: string): boolean => text.startsWith(MARK)

/** How a message of this version begins. */
const OWN = `${MARK}${NODE_PROTOCOL} `

/**
 * Takes a message of a node apart. By hand, because this happens to every message: an expression took as long as all
 * else that is done with it here.
 *
 * @throws when it is none
 */
export const open = <N>(text: string): Envelope<N> | Foreign => {
  const newline = text.indexOf('\n')
  const end = newline < 0 ? text.length : newline
  if (!text.startsWith(OWN)) return foreign(text.slice(0, end))
  const node = partEnd(text, OWN.length, end)
  const id = partEnd(text, node + 1, end)
  if (node === OWN.length || id <= node + 1) {
    throw new Error(`The message of a node without its name or an id: ${text.slice(0, 80)}`)
  }
  return {
    node: text.slice(OWN.length, node),
    id: text.slice(node + 1, id),
    note: id === end ? undefined : (JSON.parse(text.slice(id + 1, end)) as N),
    payload: newline < 0 ? undefined : text.slice(newline + 1),
  }
}

/** Where the part of a line ends that begins somewhere. */
const partEnd = (text: string, from: number, end: number): number => {
  const space = text.indexOf(' ', from)
  return space < 0 || space > end ? end : space
}

const foreign = (line: string): Foreign => {
  const [, version, node] = /^rookery\/(\S+) (\S+)(?: |$)/.exec(line) ?? []
  if (version === undefined || node === undefined || version === String(NODE_PROTOCOL)) {
    throw new Error(`Not the message of a node: ${line.slice(0, 80)}`)
  }
  return { version, node }
}
