import { type ClientTransport, type ConnectionEvents, RookeryError } from 'rookery/client'

/** The transport that a network with a strict proxy blocks. */
const BLOCKED = 'websocket'

/**
 * Stands between the client and its transports, so that the tour can cut connections and block WebSockets, and count frames. It
 * is a transport like any other: nothing in the client knows of it.
 */
export class Network {
  /** Frames that the page has got and sent. */
  readonly frames = { in: 0, out: 0 }
  #isCut = false
  #blocksWebSocket = false
  /** Ends each open connection. */
  readonly #open = new Map<() => void, string>()

  get blocksWebSocket(): boolean {
    return this.#blocksWebSocket
  }

  set blocksWebSocket(blocks: boolean) {
    this.#blocksWebSocket = blocks
    if (blocks) this.#end((name) => name === BLOCKED)
  }

  /** Loses all connections without a word, and refuses new ones until `restore()`. */
  cut(): void {
    this.#isCut = true
    this.#end(() => true)
  }

  restore(): void {
    this.#isCut = false
  }

  /** The transport on this network. */
  over(transport: ClientTransport): ClientTransport {
    const { name } = transport
    return {
      name,
      unavailable: transport.unavailable,
      withDefaults: (defaults) => this.over(transport.withDefaults?.(defaults) ?? transport),
      connect: (request, events) => {
        if (this.#isCut || (this.#blocksWebSocket && name === BLOCKED)) return refuse(events)
        const connection = transport.connect(request, {
          message: (frame) => {
            this.frames.in++
            events.message(frame)
          },
          invalid: (error) => events.invalid(error),
          close: (error) => {
            this.#open.delete(lose)
            events.close(error)
          },
        })
        const lose = () => {
          this.#open.delete(lose)
          connection.abort()
          events.close(new RookeryError('disconnected', 'The tour has cut the connection'))
        }
        this.#open.set(lose, name)
        return {
          get buffered() {
            return connection.buffered
          },
          send: (frames) => {
            this.frames.out += frames.length
            connection.send(frames)
          },
          close: () => {
            this.#open.delete(lose)
            connection.close()
          },
          abort: () => {
            this.#open.delete(lose)
            connection.abort()
          },
        }
      },
    }
  }

  #end(isLost: (transport: string) => boolean): void {
    for (const [lose, name] of [...this.#open]) if (isLost(name)) lose()
  }
}

/** A connection that cannot be made. */
const refuse = (events: ConnectionEvents) => {
  const timer = setTimeout(() =>
    events.close(new RookeryError('connection_failed', 'The tour blocks the connection')),
  )
  const end = () => clearTimeout(timer)
  return { send() {}, close: end, abort: end }
}
