import { Parser } from '@asyncapi/parser'
import { createAsyncApiDocument, type DocumentOptions } from 'rookery/asyncapi'
import { type Contract, defineContract } from 'rookery/contract'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { mixed } from '../../support/mixed-contract.ts'

const parser = new Parser()

// biome-ignore lint/suspicious/noExplicitAny: reads deep into documents
const documentOf = (contract: Contract, options?: DocumentOptions): any =>
  createAsyncApiDocument(defineContract(contract), options).document

/** Errors and warnings of AsyncAPI's own parser. */
const complaints = async (document: unknown): Promise<string[]> => {
  const { diagnostics } = await parser.parse(JSON.stringify(document))
  // Severity 2 are hints. The only one is that there is a version 3.1, which fewer tools can read.
  const isHint = ({ severity, code }: (typeof diagnostics)[number]) =>
    severity > 1 && code === 'asyncapi-latest-version'
  return diagnostics.flatMap((one) => (isHint(one) ? [] : `${one.path.join('.')}: ${one.message}`))
}

const unusual = defineContract({
  topics: {
    'a/b': z.string(),
    'a-b': z.string(),
    'a:b/{c}': z.number(),
    'ü/*': z.unknown(),
    'x/:id': z.string(),
    error: z.string(),
    'connection/subscribe': z.string(),
    subscribe: z.string(),
  },
  calls: { 'a/b': { output: z.string() }, subscribe: {} },
})

describe('the document of a contract', () => {
  it.each<[string, Contract]>([
    ['with schemas of zod, valibot and arktype', mixed],
    ['without anything', defineContract({})],
    ['with topics only', defineContract({ topics: { news: z.string() } })],
    ['with calls only', defineContract({ calls: { ping: {} } })],
    ['with names that are alike, and unusual ones', unusual],
    ['with schemas that cannot be described', defineContract({ topics: { a: z.date() } })],
  ])('%s is valid for the official parser', async (_what, contract) => {
    const servers = { production: 'wss://example.com/api/v1/ws', local: 'http://localhost:3000' }
    expect(await complaints(documentOf(contract, { servers }))).toEqual([])
  })

  it.each([
    ['news', 'news', [], { const: 'news' }],
    ['rooms/:room/messages', 'rooms/{room}/messages', ['room'], { pattern: '^rooms/[^/]+/messages$' }],
    ['users/*/inbox', 'users/{segment2}/inbox', ['segment2'], { pattern: '^users/[^/]+/inbox$' }],
    ['logs/*', 'logs/{rest}', ['rest'], { pattern: '^logs/.+$' }],
    [':rest/*', '{rest}/{rest2}', ['rest', 'rest2'], { pattern: '^[^/]+/.+$' }],
    ['v1.0/:id', 'v1.0/{id}', ['id'], { pattern: '^v1\\.0/[^/]+$' }],
    ['{a}/b', '{segment1}/b', ['segment1'], { pattern: '^\\{a\\}/b$' }],
  ])('writes the pattern %s as the address %s', (pattern, address, parameters, topic) => {
    const { channels, components } = documentOf({ topics: { [pattern]: z.string() } })
    const [channel] = Object.values<Record<string, unknown>>(channels).filter((one) => one.address)
    expect(channel).toMatchObject({ address, 'x-rookery-pattern': pattern })
    expect(Object.keys(channel?.parameters ?? {})).toEqual(parameters)
    const [frame] = Object.values<{ properties?: { topic?: object } }>(components.schemas).filter(
      ({ properties }) => properties?.topic,
    )
    expect(frame?.properties?.topic).toEqual({ type: 'string', ...topic })
  })

  it('has a send operation for a topic, and a receive operation with its replies for a call', () => {
    const { operations } = documentOf(mixed)
    expect(operations.roomsRoomMessages).toEqual({
      action: 'send',
      channel: { $ref: '#/channels/roomsRoomMessages' },
      messages: [{ $ref: '#/channels/roomsRoomMessages/messages/message' }],
    })
    const message = (name: string) => ({ $ref: `#/channels/chatSend/messages/${name}` })
    expect(operations.chatSend).toEqual({
      action: 'receive',
      channel: { $ref: '#/channels/chatSend' },
      messages: [message('call')],
      reply: {
        channel: { $ref: '#/channels/chatSend' },
        messages: ['reply', 'error_too_fast', 'error_muted', 'error'].map(message),
      },
    })
  })

  it('describes whole frames, with the payload as a schema of its own', () => {
    const { channels, components } = documentOf(mixed)
    const { call } = channels.chatSend.messages
    expect(call).toMatchObject({
      name: 'ChatSendCallFrame',
      description: 'Sends a message to a room.',
      correlationId: { location: '$message.payload#/id' },
      payload: { $ref: '#/components/schemas/ChatSendCallFrame' },
    })
    expect(components.schemas.ChatSendCallFrame).toMatchObject({
      properties: {
        topic: { const: 'chat/send' },
        payload: { $ref: '#/components/schemas/ChatSendInput' },
        id: { type: 'integer' },
      },
      required: ['topic', 'payload', 'id'],
    })
    expect(components.schemas.ChatSendInput).toMatchObject({
      properties: { text: { type: 'string', maxLength: 500 } },
      required: ['room', 'text'],
    })
  })

  it('describes the wire: the input of a schema, and what the schema of the user returns', () => {
    const Count = z.string().transform(Number).pipe(z.number())
    const { components } = documentOf({
      user: z.object({ role: z.enum(['a', 'b']).default('a') }),
      topics: { count: Count },
      calls: { add: { input: Count, output: Count, errors: { too_many: Count } } },
    })
    const { User, Count: topic, AddInput, AddOutput, AddTooMany } = components.schemas
    for (const schema of [topic, AddInput, AddOutput, AddTooMany]) expect(schema).toEqual({ type: 'string' })
    expect(User.required).toEqual(['id', 'name', 'role'])
  })

  it('lets a frame leave out a payload that may be undefined', () => {
    const requiredOf = (schema: z.ZodType) =>
      documentOf({ topics: { a: schema } }).components.schemas.AFrame.required
    expect(requiredOf(z.string())).toEqual(['topic', 'payload'])
    expect(requiredOf(z.string().optional())).toEqual(['topic'])
    const throwing = z.unknown().transform((value) => (value as string).length)
    expect(requiredOf(throwing)).toEqual(['topic', 'payload'])
  })

  it('takes the JSON schema of the contract before the one of the library', () => {
    const { components } = documentOf({
      topics: { a: { schema: z.string(), jsonSchema: { type: 'string', description: 'given' } } },
    })
    expect(components.schemas.A).toEqual({ type: 'string', description: 'given' })
  })

  it('moves references of recursive and of shared schemas along', () => {
    const { components } = documentOf(mixed)
    expect(components.schemas.RoomsRoomComments.properties.replies).toEqual({
      type: 'array',
      items: { $ref: '#/components/schemas/RoomsRoomComments' },
    })
    expect(components.schemas.RoomsRoomMessages.properties.from).toEqual({
      $ref: '#/components/schemas/RoomsRoomMessages/definitions/User',
    })
  })

  it('lists all schemas that have no JSON schema, by their place, and accepts any value for them', () => {
    const contract = defineContract({
      topics: { 'orders/:id': z.object({ at: z.date() }), good: z.string() },
      calls: { 'orders/list': { input: v.string(), output: z.bigint(), errors: { late: z.date() } } },
    })
    const { document, problems } = createAsyncApiDocument(contract)
    expect(problems).toEqual([
      { where: "topics['orders/:id']", message: expect.stringContaining('Date') },
      { where: "calls['orders/list'].input", message: 'The schema of valibot has no JSON schema' },
      { where: "calls['orders/list'].output", message: expect.stringContaining('BigInt') },
      { where: "calls['orders/list'].errors.late", message: expect.stringContaining('Date') },
    ])
    expect(document.components.schemas.OrdersId).toEqual({ 'x-rookery-problem': problems[0]?.message })
  })

  it('has the hash of the contract, and its own text before the text about frames', () => {
    const { info, 'x-rookery-contract': hash } = documentOf(mixed, {
      info: { title: 'Chat', version: '2.0.0', description: 'For staff.' },
    })
    expect(info).toEqual({
      title: 'Chat',
      version: '2.0.0',
      description: expect.stringMatching(/^For staff\.\n\n/),
    })
    expect(hash).toMatch(/^\w+$/)
    expect(documentOf({}).info).toMatchObject({ title: 'API', version: '1.0.0' })
  })
})

describe('createAsyncApiDocument()', () => {
  it.each([
    ['a contract that defineContract() has not made', {}, {}, /defineContract\(\)/],
    ['an unknown option', defineContract({}), { path: '/x' }, /no option 'path'/],
    [
      'an unknown field of info',
      defineContract({}),
      { info: { name: 'x' } },
      /info: there is no option 'name'/,
    ],
    [
      'a server that is not a URL',
      defineContract({}),
      { servers: { a: 'example.com' } },
      /'servers' must be/,
    ],
    ['a server with another scheme', defineContract({}), { servers: { a: 'ftp://a' } }, /'servers' must be/],
  ])('refuses %s', (_what, contract, options, message) => {
    const create = () => createAsyncApiDocument(contract, options as DocumentOptions)
    expect(create).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })
})
