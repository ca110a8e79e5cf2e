import { type Client, type ClientTransport, createClient, sse, websocket } from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { io, type Socket } from 'socket.io-client'
import { onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'

/** `plain` is the unchanged Socket.IO client, without Rookery's client. */
export type Kind = 'websocket' | 'socketio' | 'plain' | 'sse'

/** A chat message. */
export interface Chat {
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
export abstract class Person {
  readonly name: string
  readonly kind: Kind
  readonly heard: Chat[] = []
  readonly announced: Announcement[] = []
  /** Codes of errors, and reasons of connections that ended. */
  readonly troubles: string[] = []
  /** Number of sessions so far. */
  opened = 0
  #said = 0

  constructor(name: string, kind: Kind) {
    this.name = name
    this.kind = kind
  }

  abstract get open(): boolean
  abstract call<T>(topic: string, payload?: unknown): Promise<T>
  abstract close(): void
  protected abstract send(topic: string, payload: unknown): void

  /** Sends a chat message without waiting for an answer. Messages are numbered from 1. */
  say(text = 'hello'): number {
    const n = ++this.#said
    this.send('chat/send', { text, n })
    return n
  }

  /** Number of messages that this client has sent. */
  get said(): number {
    return this.#said
  }

  /** Numbers of the messages received from a sender, in the order of arrival. */
  numbers(from: string): number[] {
    return this.heard.filter((chat) => chat.from === from).map(({ n }) => n)
  }

  /** Number of the last message received from a sender. */
  latest(from: string): number | undefined {
    return this.heard.findLast((chat) => chat.from === from)?.n
  }

  /** Announcements about a user in the order of arrival, without the first `after` announcements. */
  news(id: string, after = 0): string[] {
    return this.announced
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
    if (what === 'messages') this.heard.push(payload as Chat)
    if (what !== 'joined' && what !== 'left') return
    const { member, reason } = payload as { member: { id: string }; reason?: string }
    this.announced.push({ what, id: member.id, reason, at: Date.now() })
  }
}

class WithClient extends Person {
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
    this.#client.on('open', () => this.opened++)
    this.#client.on('error', (error) => this.troubles.push(`error:${error.code}`))
    this.#client.on('close', ({ error, willReconnect }) => {
      if (willReconnect) this.troubles.push(`close:${error.code}`)
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

class WithSocketIo extends Person {
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
      if (topic === '$error') this.troubles.push(`error:${(payload as { code: string }).code}`)
      else if (topic === '$close') this.troubles.push(`close:${JSON.stringify(payload)}`)
      else if (topic === '$welcome') this.opened++
      else this.take(topic, payload)
    })
    this.#socket.on('disconnect', (reason) => {
      if (reason !== 'io client disconnect') this.troubles.push(`close:${reason}`)
      // Documented by Socket.IO: after the server has ended a connection, the application has to call connect().
      if (reason === 'io server disconnect') this.#socket.connect()
    })
  }

  get open(): boolean {
    return this.#socket.connected
  }

  async call<T>(topic: string, payload?: unknown): Promise<T> {
    const answer = (await this.#socket.timeout(10_000).emitWithAck(topic, payload)) as {
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
export const invite = (url: string, name: string, kind: Kind, room: string): Person => {
  const person = kind === 'plain' ? new WithSocketIo(url, name, room) : new WithClient(url, name, kind, room)
  onTestFinished(() => person.close())
  return person
}

/** Resolves when all clients are connected and in the room. */
export const untilOpen = async (people: readonly Person[], timeout = 10_000): Promise<void> => {
  await vi.waitFor(
    () => {
      const absent = people.filter(({ open }) => !open).map(({ name }) => name)
      if (absent.length > 0) throw new Error(`not connected: ${absent}`)
    },
    { timeout, interval: 10 },
  )
  await Promise.all(people.map((person) => person.members()))
}

/** Makes each client send a message every `interval` milliseconds, also while disconnected. Returns a stop function. */
export const chatter = (people: readonly Person[], interval = 100): (() => void) => {
  const timer = setInterval(() => {
    for (const person of people) person.say()
  }, interval)
  const stop = () => clearInterval(timer)
  onTestFinished(stop)
  return stop
}

/** Resolves when each hearer has received a message of each speaker that was sent after this call. */
export const untilAllHear = async (
  hearers: readonly Person[],
  speakers: readonly Person[] = hearers,
  timeout = 10_000,
): Promise<void> => {
  const marks = new Map(speakers.map((speaker) => [speaker, speaker.said]))
  await vi.waitFor(
    () => {
      const deaf = hearers.flatMap((hearer) =>
        speakers
          .filter((speaker) => (hearer.latest(speaker.name) ?? 0) <= (marks.get(speaker) as number))
          .map((speaker) => `${hearer.name} of ${speaker.name}`),
      )
      if (deaf.length > 0)
        throw new Error(`${deaf.length} have not received a new message: ${deaf.slice(0, 20)}`)
    },
    { timeout, interval: 10 },
  )
}

/** Messages that arrived twice or out of order. */
export const disorder = (hearers: readonly Person[], speakers: readonly Person[] = hearers): string[] =>
  hearers.flatMap((hearer) =>
    speakers.flatMap(({ name }) => {
      const numbers = hearer.numbers(name)
      const wrong = numbers.filter((n, index) => index > 0 && n <= (numbers[index - 1] as number))
      const twice = numbers.length - new Set(numbers).size
      return wrong.length > 0
        ? [`${hearer.name} of ${name}: ${wrong} late, ${twice} twice, of ${numbers}`]
        : []
    }),
  )

/** Number of messages of a sender that a client has missed, up to the last message that it received. */
export const missed = (hearer: Person, speaker: Person): number =>
  (hearer.latest(speaker.name) ?? 0) - new Set(hearer.numbers(speaker.name)).size
