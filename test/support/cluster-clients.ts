import { type Client, type ClientTransport, createClient, sse, websocket } from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { io, type Socket } from 'socket.io-client'
import { onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'

/** Milliseconds that a step of a test may take. Only a fault needs so long: see `slowdown` for bounds on time. */
export const STEP_LIMIT_MS = 60_000

/** `plain` is the unchanged Socket.IO client, without Rookery's client. */
export type Kind = 'websocket' | 'socketio' | 'plain' | 'sse'

/** A chat message. */
export interface ChatMessage {
  readonly from: string
  readonly text: string
  readonly n: number
}

export interface Announcement {
  readonly what: 'joined' | 'left'
  readonly id: string
  readonly reason: string | undefined
  /** Milliseconds, as of `Date.now()`. */
  readonly at: number
}

export interface MemberAnswer {
  readonly members: readonly { readonly id: string }[]
  readonly missing: readonly string[]
  readonly total: number
}

/** A chat client in a room. Records all messages and announcements that it gets. */
export abstract class ChatClient {
  readonly name: string
  readonly kind: Kind
  readonly messages: ChatMessage[] = []
  readonly announcements: Announcement[] = []
  /** Codes of errors, and reasons of ended connections. */
  readonly faults: string[] = []
  /** Number of sessions so far. */
  sessionCount = 0
  #sentCount = 0

  constructor(name: string, kind: Kind) {
    this.name = name
    this.kind = kind
  }

  abstract get open(): boolean
  abstract call<T>(topic: string, payload?: unknown): Promise<T>
  abstract close(): void
  protected abstract send(topic: string, payload: unknown): void

  /** Sends a chat message without waiting for an answer. Messages are numbered from 1. */
  sendMessage(text = 'hello'): number {
    const n = ++this.#sentCount
    this.send('chat/send', { text, n })
    return n
  }

  /** Number of messages that this client has sent. */
  get sentCount(): number {
    return this.#sentCount
  }

  /** Numbers of the messages received from a sender, in the order of arrival. */
  receivedNumbers(from: string): number[] {
    return this.messages.filter((message) => message.from === from).map(({ n }) => n)
  }

  /** Number of the last message received from a sender. */
  latestNumber(from: string): number | undefined {
    return this.messages.findLast((message) => message.from === from)?.n
  }

  /** Announcements about a user in the order of arrival, without the first `after` announcements. */
  announcementsOf(id: string, after = 0): string[] {
    return this.announcements
      .slice(after)
      .filter((one) => one.id === id)
      .map(({ what, reason }) => (reason === undefined ? what : `${what}:${reason}`))
  }

  async members(): Promise<MemberAnswer> {
    return await this.call<MemberAnswer>('room/members')
  }

  /** The node of this client's session. */
  async node(): Promise<string> {
    return (await this.call<{ readonly node: string }>('whoami')).node
  }

  protected take(topic: string, payload: unknown): void {
    const what = topic.split('/').at(-1)
    if (what === 'messages') this.messages.push(payload as ChatMessage)
    if (what !== 'joined' && what !== 'left') return
    const { member, reason } = payload as { member: { id: string }; reason?: string }
    this.announcements.push({ what, id: member.id, reason, at: Date.now() })
  }
}

class RookeryClient extends ChatClient {
  readonly #client: Client

  constructor(url: string, name: string, kind: 'websocket' | 'socketio' | 'sse', room: string) {
    super(name, kind)
    const transports: Record<typeof kind, ClientTransport> = {
      websocket: websocket({ WebSocket }),
      socketio: socketio({ transports: ['websocket'] }),
      sse: sse(),
    }
    this.#client = createClient({
      url,
      params: { username: name, roomID: room },
      transports: [transports[kind]],
      reconnect: { min: 50, max: 500 },
    })
    // A second subscription, beside that of the room, must not duplicate messages.
    this.#client.subscribe(`rooms/${room}/*`, (payload, { topic }) => this.take(topic, payload))
    this.#client.on('open', () => this.sessionCount++)
    this.#client.on('error', (error) => this.faults.push(`error:${error.code}`))
    this.#client.on('close', ({ error, willReconnect }) => {
      if (willReconnect) this.faults.push(`close:${error.code}`)
    })
  }

  get open(): boolean {
    return this.#client.state === 'open'
  }

  call<T>(topic: string, payload?: unknown): Promise<T> {
    return this.#client.call<T>(topic, payload)
  }

  close(): void {
    this.#client.close()
  }

  protected send(topic: string, payload: unknown): void {
    this.#client.send(topic, payload)
  }
}

class SocketIoClient extends ChatClient {
  readonly #socket: Socket

  constructor(url: string, name: string, room: string) {
    super(name, 'plain')
    this.#socket = io(url, {
      transports: ['websocket'],
      query: { username: name, roomID: room },
      reconnectionDelay: 50,
      reconnectionDelayMax: 500,
      forceNew: true,
    })
    this.#socket.onAny((topic: string, payload: unknown) => {
      if (topic === '$error') this.faults.push(`error:${(payload as { code: string }).code}`)
      else if (topic === '$close') this.faults.push(`close:${JSON.stringify(payload)}`)
      else if (topic === '$welcome') this.sessionCount++
      else this.take(topic, payload)
    })
    this.#socket.on('disconnect', (reason) => {
      if (reason !== 'io client disconnect') this.faults.push(`close:${reason}`)
      // Documented by Socket.IO: after the server has ended a connection, the application has to call connect().
      if (reason === 'io server disconnect') this.#socket.connect()
    })
  }

  get open(): boolean {
    return this.#socket.connected
  }

  async call<T>(topic: string, payload?: unknown): Promise<T> {
    const answer = (await this.#socket.timeout(STEP_LIMIT_MS).emitWithAck(topic, payload)) as {
      error?: { code: string }
    }
    if (answer?.error) throw Object.assign(new Error(answer.error.code), answer.error)
    return answer as T
  }

  close(): void {
    this.#socket.disconnect()
  }

  protected send(topic: string, payload: unknown): void {
    this.#socket.emit(topic, payload)
  }
}

export const KINDS: readonly Kind[] = ['websocket', 'socketio', 'plain', 'sse']

/** Connects a chat client, which joins a room. Closes it at the end of the test. */
export const connectClient = (url: string, name: string, kind: Kind, room: string): ChatClient => {
  const client =
    kind === 'plain' ? new SocketIoClient(url, name, room) : new RookeryClient(url, name, kind, room)
  onTestFinished(() => client.close())
  return client
}

/** Resolves when all clients are connected and in the room. */
export const untilOpen = async (clients: readonly ChatClient[], timeout = STEP_LIMIT_MS): Promise<void> => {
  await vi.waitFor(
    () => {
      const absent = clients.filter(({ open }) => !open).map(({ name }) => name)
      if (absent.length > 0) throw new Error(`not connected: ${absent}`)
    },
    { timeout, interval: 10 },
  )
  await Promise.all(clients.map((client) => client.members()))
}

/** Makes each client send a message every `interval` milliseconds, even while disconnected. Returns a stop function. */
export const sendContinuously = (clients: readonly ChatClient[], interval = 100): (() => void) => {
  const timer = setInterval(() => {
    for (const client of clients) client.sendMessage()
  }, interval)
  const stop = () => clearInterval(timer)
  onTestFinished(stop)
  return stop
}

/** Resolves when each receiver has got a message of each sender that was sent after this call. */
export const untilAllReceive = async (
  receivers: readonly ChatClient[],
  senders: readonly ChatClient[] = receivers,
  timeout = STEP_LIMIT_MS,
): Promise<void> => {
  const sentBefore = new Map(senders.map((sender) => [sender, sender.sentCount]))
  await vi.waitFor(
    () => {
      const waiting = receivers.flatMap((receiver) =>
        senders
          .filter((sender) => (receiver.latestNumber(sender.name) ?? 0) <= (sentBefore.get(sender) as number))
          .map((sender) => `${receiver.name} of ${sender.name}`),
      )
      if (waiting.length > 0)
        throw new Error(`${waiting.length} have not received a new message: ${waiting.slice(0, 20)}`)
    },
    { timeout, interval: 10 },
  )
}

/** Messages that arrived twice or out of order. */
export const orderFaults = (
  receivers: readonly ChatClient[],
  senders: readonly ChatClient[] = receivers,
): string[] =>
  receivers.flatMap((receiver) =>
    senders.flatMap(({ name }) => {
      const numbers = receiver.receivedNumbers(name)
      const wrong = numbers.filter((n, index) => index > 0 && n <= (numbers[index - 1] as number))
      const twice = numbers.length - new Set(numbers).size
      return wrong.length > 0
        ? [`${receiver.name} of ${name}: ${wrong} late, ${twice} twice, of ${numbers}`]
        : []
    }),
  )

/** Number of messages of a sender that a client has missed, up to the last message that it received. */
export const missedCount = (receiver: ChatClient, sender: ChatClient): number =>
  (receiver.latestNumber(sender.name) ?? 0) - new Set(receiver.receivedNumbers(sender.name)).size
