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

/** Takes a message of a node apart. @throws when it is none */
export const open = <N>(text: string): Envelope<N> | Foreign => {
  const end = text.indexOf('\n')
  const line = end < 0 ? text : text.slice(0, end)
  const [, version, node, id, note] = /^rookery\/(\S+) (\S+)(?: (\S+)(?: (.*))?)?$/s.exec(line) ?? []
  if (version === undefined || node === undefined)
    throw new Error(`Not the message of a node: ${line.slice(0, 80)}`)
  if (version !== String(NODE_PROTOCOL)) return { version, node }
  if (id === undefined) throw new Error(`The message of a node without an id: ${line.slice(0, 80)}`)
  return {
    node,
    id,
    note: note === undefined ? undefined : (JSON.parse(note) as N),
    payload: end < 0 ? undefined : text.slice(end + 1),
  }
}
