import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEnvelope, encodeEnvelope, isEnvelope, NODE_PROTOCOL } from '../../../plugins/nats/envelope.ts'

const seed = Date.now() % 2 ** 31
console.log(`envelope: seed ${seed}`)

const word = fc.stringMatching(/^[\w]{1,12}$/)
const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
const aHeader = fc
  .option(object, { nil: undefined })
  .map((header) => header && JSON.parse(JSON.stringify(header)))
const json = fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.stringify(value))

describe('the envelope', () => {
  it('decodes to the values that were encoded, whatever their characters', () => {
    fc.assert(
      fc.property(
        word,
        word,
        fc.oneof(aHeader, fc.constant({ text: 'a\u2028b\u2029c\u0085d\r\ne' })),
        fc.option(fc.oneof(json, fc.string({ unit: 'binary' })), { nil: undefined }),
        (node, id, header, payload) => {
          const text = encodeEnvelope(node, id, header, payload)
          expect(isEnvelope(text)).toBe(true)
          expect(decodeEnvelope(text)).toEqual({ node, id, header, payload })
        },
      ),
      { seed, numRuns: 1000 },
    )
  })

  it('is unchanged by UTF-8 encoding', () => {
    fc.assert(
      fc.property(json, (payload) => {
        const text = Buffer.from(encodeEnvelope('a', '1', undefined, payload)).toString()
        expect(decodeEnvelope(text)).toEqual({ node: 'a', id: '1', header: undefined, payload })
      }),
      { seed },
    )
  })

  it('is never valid JSON, and JSON is never an envelope', () => {
    fc.assert(
      fc.property(word, word, fc.option(object, { nil: undefined }), json, (node, id, header, payload) => {
        expect(() => JSON.parse(encodeEnvelope(node, id, header, payload))).toThrow()
        expect(isEnvelope(payload)).toBe(false)
        expect(isEnvelope(` \n\t${payload}`)).toBe(false)
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('of another version decodes to its version and node, whatever follows them', () => {
    for (const rest of ['', ' 1', ' 1 {"a":1}', ' 1 what else', '\nanything', ' 1\n{}']) {
      expect(decodeEnvelope(`rookery/2 other${rest}`)).toEqual({ version: '2', node: 'other' })
    }
    expect(NODE_PROTOCOL).toBe(1)
  })

  it.each([
    'rookery/',
    'rookery/1',
    'rookery/1 ',
    'rookery/1 node',
    'rookery/1  1',
    'rookery/1 node 1 {',
    'rookery/1 node 1 nonsense',
    'rookery/\n1 node 1',
    ' rookery/1 node 1',
  ])('cannot be decoded from %j', (text) => {
    expect(() => decodeEnvelope(text)).toThrow()
  })

  it('cannot be decoded from random text, which throws an Error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (garbage) => {
        for (const text of [garbage, `rookery/${garbage}`, `rookery/1 a ${garbage}`]) {
          try {
            decodeEnvelope(text)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
      }),
      { seed, numRuns: 1000 },
    )
  })
})
