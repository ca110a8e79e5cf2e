import type { JsonSchema } from '../../core/contract/contract.ts'
import { type Address, addressOf } from './address.ts'
import type { CallDescription, PayloadDescription, TopicDescription } from './description.ts'
import {
  callFrame,
  clientFrames,
  connectionReplies,
  errorFrame,
  errorSchema,
  type Field,
  messageFrame,
  otherErrorFrame,
  replyFrame,
  serverFrames,
  userSchema,
} from './frames.ts'
import { camelCase, pascalCase, UniqueNames } from './names.ts'
import { movedTo } from './refs.ts'

/** Names and titles of schemas of frames. */
const RESERVED_NAMES = ['Error', 'Issue', 'RefusedPattern', 'Subscribed']

/** Collects channels, operations and schemas under unique names. */
export class DocumentParts {
  readonly channels: Record<string, object> = {}
  readonly operations: Record<string, object> = {}
  readonly schemas: Record<string, JsonSchema> = { Error: errorSchema }
  readonly #channelNames = new UniqueNames()
  readonly #operationNames = new UniqueNames()
  readonly #schemaNames = new UniqueNames(RESERVED_NAMES)

  addConnection(user: PayloadDescription | undefined): void {
    const frames = serverFrames(user ? this.#addSchema('User', user).schema : userSchema)
    const channel = this.#channelNames.take('connection')
    const all = { ...clientFrames, ...frames, ...connectionReplies }
    const messages = Object.entries(all).map(([name, { description, payload }]) => {
      return [name, this.#message(pascalCase(name), payload, description)] as const
    })
    this.channels[channel] = {
      address: null,
      description: 'Frames of the connection itself.',
      messages: Object.fromEntries(messages),
    }
    for (const [name, { replies }] of Object.entries(clientFrames)) {
      this.#addOperation(name, channel, 'receive', [name], replies)
    }
    for (const name of Object.keys(frames)) this.#addOperation(name, channel, 'send', [name])
  }

  addTopic({ pattern, description, payload }: TopicDescription): void {
    const address = addressOf(pattern)
    const name = pascalCase(pattern)
    const frame = messageFrame(address.topic, this.#addSchema(name, payload))
    const channel = this.#addChannel(pattern, description, address, {
      message: this.#message(name, frame, description),
    })
    this.#addOperation(camelCase(pattern), channel, 'send', ['message'])
  }

  addCall({ pattern, description, input, output, errors }: CallDescription): void {
    const address = addressOf(pattern)
    const name = pascalCase(pattern)
    const field = (part: string, payload: PayloadDescription | undefined) =>
      payload && this.#addSchema(name + part, payload)
    const call = callFrame(address.topic, field('Input', input))
    const replies: Record<string, object> = {
      reply: this.#message(`${name}Reply`, replyFrame(field('Output', output))),
    }
    for (const { code, data } of errors) {
      const part = name + pascalCase(code)
      replies[`error_${code}`] = this.#message(
        part,
        errorFrame(`${part}Error`, code, this.#addSchema(part, data)),
      )
    }
    const codes = errors.map(({ code }) => code)
    replies.error = this.#message(
      `${name}Error`,
      otherErrorFrame(`${name}OtherError`, codes),
      'An error that the contract does not name.',
    )
    const channel = this.#addChannel(pattern, description, address, {
      call: {
        ...this.#message(`${name}Call`, call, description),
        correlationId: { location: '$message.payload#/id' },
      },
      ...replies,
    })
    this.#addOperation(camelCase(pattern), channel, 'receive', ['call'], Object.keys(replies))
  }

  /** Adds the schema of a frame, and returns the message that refers to it. Code generators use its name. */
  #message(wanted: string, frame: JsonSchema, description?: string): object {
    const name = this.#schemaNames.take(`${wanted}Frame`)
    this.schemas[name] = frame
    return { name, ...(description && { description }), payload: { $ref: `#/components/schemas/${name}` } }
  }

  #addSchema(wanted: string, { schema, isOptional }: PayloadDescription): Field {
    const name = this.#schemaNames.take(wanted)
    const place = `#/components/schemas/${name}`
    this.schemas[name] = movedTo(place, schema)
    return { schema: { $ref: place }, isOptional }
  }

  #addChannel(
    pattern: string,
    description: string | undefined,
    { address, parameters }: Address,
    messages: Readonly<Record<string, object>>,
  ): string {
    const name = this.#channelNames.take(camelCase(pattern))
    this.channels[name] = {
      address,
      ...(description && { description }),
      ...(Object.keys(parameters).length > 0 && { parameters }),
      messages,
      'x-rookery-pattern': pattern,
    }
    return name
  }

  #addOperation(
    wanted: string,
    channel: string,
    action: 'send' | 'receive',
    messages: readonly string[],
    replies?: readonly string[],
  ): void {
    const refs = (names: readonly string[]) =>
      names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }))
    const at = { $ref: `#/channels/${channel}` }
    this.operations[this.#operationNames.take(wanted)] = {
      action,
      channel: at,
      messages: refs(messages),
      ...(replies && { reply: { channel: at, messages: refs(replies) } }),
    }
  }
}
