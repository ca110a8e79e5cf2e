import { io, type Socket } from 'socket.io-client'
import { topicMatches } from '../../core/topics/topic.ts'
import type { DeliveryRecord } from './listening.ts'
import type { Login } from './logins.ts'
import type { Numbered } from './messages.ts'
import type { MemberAnswer } from './room-watch.ts'
import { SoakClient } from './soak-client.ts'

/** Milliseconds until a call fails. */
const CALL_TIMEOUT_MS = 10_000
/** Milliseconds until a refused handshake is tried again, if the server does not say more. */
const RETRY_MS = 200

/** An acknowledgement. */
type Answer = { readonly error?: { readonly code: string } } | null

interface CloseFrame {
  readonly error?: Refusal
  readonly reconnectAfter?: number | null
}

interface Refusal {
  readonly code?: string
  readonly reconnectAfter?: number | null
}

const coded = (code: string): Error => Object.assign(new Error(code), { code })

/** The unchanged Socket.IO client, with what an application of it has to do by itself. */
export class PlainClient extends SoakClient {
  readonly #socket: Socket
  /** What the server has confirmed in this session. */
  readonly #subscribed = new Set<string>()
  readonly #joined = new Set<string>()
  session: string | undefined
  ended: string | undefined
  #run: Promise<void> = Promise.resolve()
  #retry: ReturnType<typeof setTimeout> | undefined
  #closeFrame: CloseFrame = {}

  constructor(url: string, name: string, login: Login, record: DeliveryRecord) {
    super(name, 'plain', login, record)
    this.#socket = io(url, {
      transports: ['websocket'],
      auth: (use) => void login.token().then((token) => use({ token })),
      reconnectionDelay: 50,
      reconnectionDelayMax: 1_000,
      forceNew: true,
    })
    this.#socket.on('$welcome', ({ session }: { session: string }) => this.#welcome(session))
    this.#socket.on('$close', (frame: CloseFrame) => {
      this.#closeFrame = frame
    })
    this.#socket.on('$auth', async () => this.#socket.emit('auth', await login.token(), () => {}))
    this.#socket.on('disconnect', (reason) => this.#disconnected(reason))
    this.#socket.on('connect_error', (error: Error & { data?: Refusal }) => {
      if (!this.#socket.active) this.#refused(error.data ?? {})
    })
    this.#socket.onAny((topic: string, payload: unknown) => this.#take(topic, payload))
  }

  get settled(): boolean {
    const isSame = (wanted: Iterable<string>, confirmed: ReadonlySet<string>) =>
      [...wanted].sort().join() === [...confirmed].sort().join()
    return (
      this.session !== undefined &&
      isSame(this.topics.keys(), this.#subscribed) &&
      isSame(this.rooms.keys(), this.#joined)
    )
  }

  subscribe(pattern: string): void {
    const listening = this.listening(pattern)
    this.topics.set(pattern, listening)
    // Cancelled a moment ago, and the server still has it.
    if (this.#subscribed.has(pattern)) listening.activate()
    this.#reconcile()
  }

  cancel(pattern: string): void {
    this.topics.delete(pattern)
    this.#reconcile()
  }

  join(name: string): void {
    const watch = this.watch(name)
    this.rooms.set(name, watch)
    if (this.#joined.has(name)) watch.joined()
    this.#reconcile()
  }

  leave(name: string): void {
    this.rooms.delete(name)
    this.#reconcile()
  }

  call(topic: string, payload: unknown, listener?: (answer: never) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.session === undefined) throw coded('not_connected')
      this.#socket.timeout(CALL_TIMEOUT_MS).emit(topic, payload, (error: Error | null, answer: Answer) => {
        if (error) reject(coded(error.message.includes('disconnected') ? 'disconnected' : error.message))
        else if (answer?.error) reject(coded(answer.error.code))
        else {
          listener?.(answer as never)
          resolve(answer)
        }
      })
    })
  }

  connect(): void {
    this.ended = undefined
    this.#socket.connect()
  }

  close(): void {
    clearTimeout(this.#retry)
    this.#socket.disconnect()
  }

  #welcome(session: string): void {
    this.session = session
    this.#closeFrame = {}
    this.inbox.activate()
    this.#reconcile()
  }

  #disconnected(reason: string): void {
    this.session = undefined
    this.#subscribed.clear()
    this.#joined.clear()
    this.lost(this.#closeFrame.error?.code ?? reason)
    // Documented by Socket.IO: after the server has ended a connection, the application has to call connect().
    if (reason === 'io server disconnect') {
      const { error, reconnectAfter } = this.#closeFrame
      this.#refused({ ...error, ...(reconnectAfter !== undefined && { reconnectAfter }) })
    }
  }

  /** The server has ended the connection, or refused the handshake. Comes back if the server says so. */
  #refused({ code = 'no code', reconnectAfter }: Refusal): void {
    if (reconnectAfter === null || reconnectAfter === undefined) this.ended = code
    else this.#retry = setTimeout(() => this.#socket.connect(), Math.max(reconnectAfter, RETRY_MS))
  }

  #take(topic: string, payload: unknown): void {
    const room = /^rooms\/([^/]+)\//.exec(topic)?.[1]
    const watch = room === undefined ? undefined : this.rooms.get(room)
    if (watch) this.takeOfRoom(watch, topic, payload)
    if (topic.startsWith('inbox/')) this.inbox.take(topic, payload as Numbered)
    for (const [pattern, listening] of this.topics) {
      if (topicMatches(pattern, topic)) listening.take(topic, payload as Numbered)
    }
  }

  /** Subscribes and joins one by one, until the server has what the application wants. */
  #reconcile(): void {
    this.#run = this.#run.then(async () => {
      const { session } = this
      while (session !== undefined && session === this.session && !this.settled) {
        try {
          await this.#step(session)
        } catch {
          // The connection is lost, and the next welcome begins again; or the server asks to come back later.
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        }
      }
    })
  }

  async #step(session: string): Promise<void> {
    const isCurrent = () => session === this.session
    for (const pattern of this.topics.keys()) {
      if (this.#subscribed.has(pattern)) continue
      await this.call('subscribe', [pattern])
      if (!isCurrent()) return
      this.#subscribed.add(pattern)
      this.topics.get(pattern)?.activate()
    }
    for (const pattern of [...this.#subscribed].filter((one) => !this.topics.has(one))) {
      await this.call('unsubscribe', [pattern])
      if (!isCurrent()) return
      this.#subscribed.delete(pattern)
      this.topics.get(pattern)?.deactivate()
    }
    for (const name of this.rooms.keys()) {
      if (this.#joined.has(name)) continue
      await this.call('room/join', { room: name }, (answer: MemberAnswer) => {
        if (!isCurrent()) return
        this.#joined.add(name)
        this.rooms.get(name)?.joined(answer)
      })
      if (!isCurrent()) return
    }
    for (const name of [...this.#joined].filter((one) => !this.rooms.has(one))) {
      await this.call('room/leave', { room: name })
      if (!isCurrent()) return
      this.#joined.delete(name)
      this.rooms.get(name)?.lost()
    }
  }
}
