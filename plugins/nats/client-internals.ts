import type { Socket } from 'node:net'
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'

/** The parts of a NATS connection that its type does not declare. */
interface Internals {
  readonly options?: NodeConnectionOptions
  readonly protocol?: { readonly transport?: Transport }
}

interface Transport {
  readonly socket?: Socket
  discard?(): void
}

/** The options with which a connection was opened. */
export const optionsOf = (connection: NatsConnection | undefined): NodeConnectionOptions | undefined =>
  (connection as Internals | undefined)?.options

const transportOf = (nats: NatsConnection): Transport | undefined => (nats as Internals).protocol?.transport

/** Closes the socket of an attempt to reconnect, which the client leaves open when the connection is closed. */
export const discardTransport = (nats: NatsConnection): void => transportOf(nats)?.discard?.()

/**
 * Destroys the socket of a connection, by a TCP reset if it is not encrypted. Without a reset the kernel keeps trying
 * to deliver the data that was written, and once the network works again that data arrives after the data of the next
 * connection.
 */
export const destroySocket = (nats: NatsConnection): void => {
  const socket = transportOf(nats)?.socket
  if (socket && 'encrypted' in socket) socket.destroy()
  else socket?.resetAndDestroy()
}
