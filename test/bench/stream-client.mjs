import { connect } from 'node:net'

/** One buffer for the reads of all connections: events are counted, and rarely kept. */
const buffer = Buffer.allocUnsafe(256 * 1024)

const LINE_FEED = 10

/**
 * A bare client of server-sent events. It reads until it has received `ready` and the probe, which is the first message.
 * Then it only counts events, by the pairs of line feeds that end them.
 */
export class StreamClient {
  /** Events received since the probe. */
  received = 0
  #onReceived
  #ready
  #text = ''
  #state = /** @type {'opening' | 'probing' | 'counting'} */ ('opening')
  #endedInLineFeed = false
  /** @type {(probe: { size: number, text: string }) => void} */
  #onProbe = () => {}
  /** @type {(value?: undefined) => void} */
  #onOpened = () => {}

  /**
   * @param {{ port: number, path: string, ready: string }} target
   * @param {(count: number) => void} onReceived called with the number of events of every read after the probe
   * @param {(error: Error) => void} onError
   */
  constructor({ port, path, ready }, onReceived, onError) {
    this.#ready = ready
    this.#onReceived = onReceived
    /** The first message; an event counts as one, whatever its size. @type {Promise<{ size: number, text: string }>} */
    this.probe = new Promise((resolve) => {
      this.#onProbe = resolve
    })
    /** Resolves once the client is subscribed. @type {Promise<void>} */
    this.opened = new Promise((resolve) => {
      this.#onOpened = resolve
    })
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: { buffer, callback: (count) => this.#read(count) },
    })
    socket.setNoDelay()
    socket.on('error', onError)
    socket.on('close', () => onError(new Error('the server closed a connection')))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`)
  }

  /** @param {number} count */
  #read(count) {
    if (this.#state === 'counting') {
      const events = this.#countEvents(count)
      this.received += events
      this.#onReceived(events)
    } else {
      this.#text += buffer.toString('latin1', 0, count)
      this.#parse()
    }
    return true
  }

  #parse() {
    if (this.#state === 'opening') {
      const ready = this.#text.indexOf(this.#ready)
      const end = ready < 0 ? -1 : this.#text.indexOf('\n\n', ready)
      if (end < 0) return
      this.#text = this.#text.slice(end + 2)
      this.#state = 'probing'
      this.#onOpened()
    }
    const end = this.#text.indexOf('\n\n')
    if (end < 0) return
    if (this.#text.indexOf('\n\n', end + 2) >= 0) throw new Error('more than the probe was published')
    this.#state = 'counting'
    this.#onProbe({ size: 1, text: /^data: ?(.*)$/m.exec(this.#text)?.[1] ?? this.#text })
  }

  /** @param {number} count */
  #countEvents(count) {
    let events = this.#endedInLineFeed && buffer[0] === LINE_FEED ? 1 : 0
    const read = buffer.subarray(0, count)
    for (let at = read.indexOf('\n\n'); at >= 0; at = read.indexOf('\n\n', at + 2)) events++
    this.#endedInLineFeed = read[count - 1] === LINE_FEED && !read.subarray(-2).equals(EVENT_END)
    return events
  }
}

const EVENT_END = Buffer.from('\n\n')
