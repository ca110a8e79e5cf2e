import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { ClientFrame, ServerFrame } from 'rookery'
import type { Peer, PeerHandshake } from 'rookery/testing/conformance'

/** A peer on `node:http`: one resumable event stream, and one POST request after the other. */
export class SsePeer implements Peer {
  readonly frames: ServerFrame[] = []
  closed: { code?: string } | undefined
  readonly #url: string
  readonly #stream: ClientRequest
  #response: IncomingMessage | undefined
  #sending: Promise<void> = Promise.resolve()
  #text = ''
  #muted = false

  constructor(url: string, { params }: PeerHandshake) {
    this.#url = `${url}/api/v1/sse`
    const query = new URLSearchParams({ ...params, resume: '1' })
    // No agent: its pool would keep connections after the peer has gone.
    this.#stream = request(`${this.#url}?${query}`, { agent: false })
    this.#stream.on('error', () => {})
    this.#stream.on('close', () => this.#end())
    this.#stream.on('response', (response) => {
      this.#response = response
      response.setEncoding('utf8')
      response.on('error', () => {})
      response.on('close', () => this.#end())
      response.on('data', (text: string) => {
        this.#text += text
        if (response.statusCode === 200) this.#read()
      })
      response.on('end', () => {
        if (response.statusCode !== 200) this.#refused(JSON.parse(this.#text))
      })
    })
    this.#stream.end()
  }

  send(frame: ClientFrame): Promise<void> {
    const sent = this.#sending.then(() => this.#post(frame))
    this.#sending = sent
    return sent
  }

  /** Deletes the session. Without this the server waits for the peer to reconnect. */
  close(): void {
    const session = this.#session
    if (session === undefined) {
      this.abort()
      return
    }
    const goodbye = request(`${this.#url}/${session}`, { method: 'DELETE', agent: false })
    goodbye.on('error', () => {})
    goodbye.on('close', () => this.abort())
    goodbye.on('response', (response) => response.resume())
    goodbye.end()
  }

  abort(): void {
    this.#stream.destroy()
    this.#response?.destroy()
  }

  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  mute(): void {
    this.#muted = true
  }

  get #session(): string | undefined {
    return this.frames.find((frame) => frame.type === 'welcome')?.session
  }

  #end(): void {
    const last = this.frames.at(-1)
    this.closed ??= last?.type === 'close' ? { code: last.error.code } : {}
  }

  #read(): void {
    const events = this.#text.split('\n\n')
    this.#text = events.pop() as string
    for (const event of events) {
      // A regular expression with `$` would also end a line at U+2028, which JSON may contain.
      const data = event.split('\n').find((line) => line.startsWith('data: '))
      if (data === undefined) continue
      const frame = JSON.parse(data.slice('data: '.length)) as ServerFrame
      this.frames.push(frame)
      if (frame.type === 'ping' && !this.#muted) void this.send({ type: 'pong' })
    }
  }

  /** Records the error response to the stream request as a `close` frame. */
  #refused(refusal: object): void {
    this.frames.push({ type: 'close', ...refusal } as ServerFrame)
  }

  async #post(frame: ClientFrame): Promise<void> {
    const session = this.#session
    if (session === undefined || this.closed) return
    const body = JSON.stringify(frame)
    const answer = await new Promise<string | undefined>((resolve) => {
      const headers = { 'content-type': 'application/json' }
      const post = request(`${this.#url}/${session}`, { method: 'POST', agent: false, headers })
      post.on('error', () => resolve(undefined))
      post.on('response', async (response) => {
        let text = ''
        for await (const part of response.setEncoding('utf8')) text += part
        resolve(response.statusCode === 200 ? undefined : text)
      })
      post.end(body)
    })
    // The server refused the request itself. The error is recorded unless the session has ended.
    if (answer === undefined || this.closed || this.frames.at(-1)?.type === 'close') return
    const { error } = JSON.parse(answer)
    this.frames.push(
      frame.id === undefined ? { type: 'error', error } : { type: 'reply', id: frame.id, error },
    )
  }
}
