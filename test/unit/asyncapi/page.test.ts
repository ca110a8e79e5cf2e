import { defineContract, type JsonSchema } from 'rookery/contract'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { describeContract } from '../../../plugins/asyncapi/description.ts'
import { pageOf } from '../../../plugins/asyncapi/page.ts'
import { rulesOf, typeText } from '../../../plugins/asyncapi/schema-text.ts'
import { mixed } from '../../support/mixed-contract.ts'

const pageOfTopic = (jsonSchema: JsonSchema): string =>
  pageOf(
    describeContract(defineContract({ topics: { a: { schema: z.unknown(), jsonSchema } } })),
    {},
    undefined,
  )

describe('the page of a contract', () => {
  it('shows topics, calls and errors with their fields', () => {
    const page = pageOf(describeContract(mixed), { info: { title: 'Chat' } }, 'asyncapi.json')
    for (const text of [
      '<title>Chat</title>',
      'href="asyncapi.json"',
      'id="topics/rooms/:room/messages"',
      'href="#topics%2Frooms%2F%3Aroom%2Fmessages"',
      'A message that a member of the room has sent.',
      'max length 500',
      'id="calls/chat/send"',
      'Error <code>too_fast</code>',
      '>waitMs</code>',
      '&quot;guest&quot; | &quot;staff&quot;',
    ]) {
      expect(page).toContain(text)
    }
  })

  it('escapes every text of the application', () => {
    const evil = '</script></style><img src=x onerror="alert(1)">&\''
    const contract = defineContract({
      user: z.object({ [evil]: z.string().describe(evil) }),
      topics: {
        '<b>x</b>/"y"': {
          schema: z.unknown(),
          description: evil,
          jsonSchema: {
            title: evil,
            type: 'object',
            properties: {
              [evil]: { description: evil, enum: [evil], default: evil, pattern: evil, format: evil },
            },
          },
        },
      },
      calls: { call: { description: evil, input: z.literal(evil), output: z.date() } },
    })
    const options = {
      info: { title: evil, version: evil, description: evil },
      servers: { main: 'wss://example.com/<img>' },
    }
    const page = pageOf(describeContract(contract), options, `/a"b${evil}`)
    expect(page).toContain(
      '&lt;/script&gt;&lt;/style&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#39;',
    )
    const tags = new Set([...page.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, tag]) => tag))
    expect([...tags].filter((tag) => ['script', 'img', 'b'].includes(tag as string))).toEqual([])
    expect(page.match(/<style>/g)).toHaveLength(1)
    expect(page.match(/<\/style>/g)).toHaveLength(1)
  })

  it('says which schemas are not described, and what a contract does not have', () => {
    const page = (contract: Parameters<typeof defineContract>[0]) =>
      pageOf(describeContract(defineContract(contract)), {}, undefined)
    expect(page({ topics: { a: z.date() } })).toMatch(/This schema is not described: Date/)
    expect(page({})).toContain('The contract has no topics.')
    expect(page({})).toContain('The contract has no calls.')
  })

  it('shows a schema that contains itself once', () => {
    const page = pageOf(describeContract(mixed), {}, undefined)
    const [, comments = ''] = /id="topics\/rooms\/:room\/comments">(.*?)<\/article>/s.exec(page) ?? []
    expect(comments.match(/>replies</g)).toHaveLength(1)
  })

  it('stays small for schemas that all contain each other', () => {
    const names = Array.from({ length: 30 }, (_, index) => `Type${index}`)
    const properties = Object.fromEntries(names.map((name) => [name, { $ref: `#/definitions/${name}` }]))
    const definitions = Object.fromEntries(names.map((name) => [name, { type: 'object', properties }]))
    expect(pageOfTopic({ type: 'object', properties, definitions }).length).toBeLessThan(200_000)
  })

  it.each<[string, JsonSchema]>([
    ['a reference to nothing', { $ref: '#/definitions/Gone' }],
    ['a reference to another document', { $ref: 'https://example.com/schema.json' }],
    [
      'parts that are no schemas',
      { type: 'array', items: 7, anyOf: 'x', properties: [1], required: 'y' } as never,
    ],
    ['boolean schemas', { type: 'object', properties: { a: true }, additionalProperties: false }],
  ])('is written for a JSON schema with %s', (_what, schema) => {
    expect(pageOfTopic(schema)).toContain('Payload')
  })
})

describe('the type of a schema', () => {
  const definitions = { User: { type: 'object', title: 'A user' }, Item: {}, __schema0: {} }
  it.each<[string, JsonSchema]>([
    ['any', {}],
    ['string', { type: 'string' }],
    ['string | null', { type: ['string', 'null'] }],
    ['"a" | "b"', { enum: ['a', 'b'] }],
    ['"a" | null', { anyOf: [{ const: 'a' }, { type: 'null' }] }],
    ['(string | number)[]', { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'number' }] } }],
    ['[string, number]', { type: 'array', items: [{ type: 'string' }, { type: 'number' }] }],
    ['[string][]', { type: 'array', items: { type: 'array', items: [{ type: 'string' }] } }],
    ['{ [key]: number }', { type: 'object', additionalProperties: { type: 'number' } }],
    ['A user', { $ref: '#/definitions/User' }],
    ['Item', { $ref: '#/definitions/Item' }],
    ['object', { $ref: '#/definitions/__schema0' }],
    ['object', { $ref: '#' }],
    ['string & object', { allOf: [{ type: 'string' }, { type: 'object' }] }],
  ])('is %s', (text, schema) => {
    expect(typeText(schema, { definitions })).toBe(text)
  })

  it('comes with its rules, but not with the pattern of a format and the bounds of every whole number', () => {
    expect(rulesOf({ type: 'string', minLength: 1, pattern: '^a', default: 'a' })).toEqual([
      'matches ^a',
      'min length 1',
      'default "a"',
    ])
    expect(rulesOf({ type: 'string', format: 'uuid', pattern: '^[0-9a-f]' })).toEqual(['uuid'])
    expect(rulesOf({ type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER })).toEqual(['≥ 0'])
  })
})
