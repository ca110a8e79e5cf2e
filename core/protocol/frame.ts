import type { MessageFrame, ServerFrame } from './protocol.ts'
import { stringify } from './stringify.ts'

/**
 * How a transport encodes a frame. Use one constant object for each encoding: frames cache the result by its
 * identity.
 */
export interface Codec<T> {
  encode(frame: Frame): T
}

/** Frames that left in one write, and their encoding. */
interface Batch {
  readonly codec: Codec<unknown>
  readonly frames: readonly Frame[]
  readonly encoded: unknown
}

/**
 * One frame to clients. It is encoded once for each codec, however many connections receive it. So it holds nothing
 * that differs between connections.
 */
export class Frame {
  readonly message: ServerFrame
  /**
   * @internal The last batch that began with this frame. It is a property, since entries of a `WeakMap` live until
   *   the next full garbage collection.
   */
  batch: Batch | undefined
  /**
   * @internal Number of the delivery of the fan-out, by which a session notices that it has the frame already. 0 if the
   *   frame comes once.
   */
  delivery = 0
  /** @internal Number of the message in the history, or the position that the frame carries. 0 without one. */
  readonly seq: number
  #text: string | undefined
  #bytes = 0
  #payload: { readonly text: string | undefined } | undefined
  #codec: Codec<unknown> | undefined
  #encoded: unknown
  #others: Map<Codec<unknown>, unknown> | undefined

  constructor(message: ServerFrame, seq = 0) {
    this.message = message
    this.seq = seq
  }

  /**
   * Creates a published message from a payload that is JSON already. It is parsed only if a codec reads the payload.
   */
  static ofText(
    topic: string,
    payload: string | undefined,
    topics?: readonly string[],
    details: MessageDetails = {},
    seq = 0,
  ): Frame {
    const frame = new Frame(Object.assign(new ParsedLater(topic, payload, topics), details), seq)
    frame.#payload = { text: payload }
    return frame
  }

  /**
   * The frame as JSON.
   *
   * @throws `unserializable` if the payload cannot be written as JSON
   */
  get text(): string {
    const { message } = this
    this.#text ??=
      message.type === undefined ? this.#messageText(message) : stringify(message, payloadOf(message))
    return this.#text as string
  }

  /**
   * Size of the frame as JSON in UTF-8. Computed once for all connections.
   *
   * @throws `unserializable`
   */
  get bytes(): number {
    if (this.#bytes === 0) this.#bytes = Buffer.byteLength(this.text)
    return this.#bytes
  }

  /**
   * The payload of a published message as JSON, encoded when it was published. Undefined if there is no payload.
   *
   * @throws `unserializable`
   */
  get payloadText(): string | undefined {
    if (this.message.type !== undefined) return undefined
    this.#payload ??= { text: stringify(this.message.payload) }
    return this.#payload.text
  }

  #messageText({ topic, topics, cursor, replayed, kept }: MessageFrame): string {
    const payload = this.payloadText
    return (
      `{"topic":${JSON.stringify(topic)}` +
      (payload === undefined ? '' : `,"payload":${payload}`) +
      (topics === undefined ? '' : `,"topics":${JSON.stringify(topics)}`) +
      (cursor === undefined ? '' : `,"cursor":"${cursor}"`) +
      (replayed === undefined ? '' : ',"replayed":true') +
      (kept === undefined ? '}' : ',"kept":false}')
    )
  }

  /** Whether a slow consumer may lose the frame: only published messages without a place in the history. */
  get droppable(): boolean {
    return this.message.type === undefined && this.seq === 0
  }

  /** Returns the frame in a transport's encoding. */
  encoded<T>(codec: Codec<T>): T {
    if (this.#codec === codec) return this.#encoded as T
    if (this.#codec === undefined) {
      this.#encoded = codec.encode(this)
      this.#codec = codec
      return this.#encoded as T
    }
    const others = (this.#others ??= new Map())
    let encoded = others.get(codec) as T | undefined
    if (encoded === undefined) others.set(codec, (encoded = codec.encode(this)))
    return encoded
  }
}

/** The payload of a reply. Other control frames hold nothing of the application but errors, which check their data. */
const payloadOf = (message: ServerFrame): unknown =>
  (message.type === 'reply' ? message.payload : null) ?? null

/** What a message may have besides its topics and its payload. */
export type MessageDetails = Pick<MessageFrame, 'cursor' | 'replayed' | 'kept'>

class ParsedLater implements MessageFrame {
  readonly topic: string
  // `declare`, so that a message without topics has no property `topics`.
  declare readonly topics?: readonly string[]
  readonly #text: string | undefined
  #payload: { readonly value: unknown } | undefined

  constructor(topic: string, text: string | undefined, topics: readonly string[] | undefined) {
    this.topic = topic
    this.#text = text
    if (topics) this.topics = topics
  }

  get payload(): unknown {
    this.#payload ??= { value: this.#text === undefined ? undefined : JSON.parse(this.#text) }
    return this.#payload.value
  }
}

/**
 * The topics that a message has to name, so that a client finds all subscriptions that match it: all topics of the event,
 * unless the only one is the message's own. Undefined if the message need not name them.
 */
export const namedTopics = (topic: string, topics: readonly string[]): readonly string[] | undefined =>
  topics.length === 1 && topics[0] === topic ? undefined : topics

const isSame = (a: readonly Frame[], b: readonly Frame[]): boolean => {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

/**
 * Creates an encoder for frames that leave in one write. Sessions with equal subscriptions have the same frames in
 * their outboxes at the end of a turn, so the batch is encoded once for all of them.
 */
export const createBatchCodec = <T>(
  encode: (frames: readonly Frame[]) => T,
): ((frames: readonly Frame[]) => T) => {
  const single: Codec<T> = { encode: (frame) => encode([frame]) }
  return (frames) => {
    const first = frames[0] as Frame
    if (frames.length === 1) return first.encoded(single)
    const known = first.batch
    if (known?.codec === single && isSame(known.frames, frames)) return known.encoded as T
    const encoded = encode(frames)
    first.batch = { codec: single, frames: [...frames], encoded }
    return encoded
  }
}
