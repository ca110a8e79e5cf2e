import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSealed, NODE_PROTOCOL, open, seal } from '../../../plugins/nats/envelope.ts'

const seed = Date.now() % 2 ** 31
console.log(`envelope: seed ${seed}`)

const word = fc.stringMatching(/^[\w]{1,12}$/)
const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
const aNote = fc.option(object, { nil: undefined }).map((note) => note && JSON.parse(JSON.stringify(note)))
const json = fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.stringify(value))

describe('the envelope', () => {
  it('gives back what was put into it, whatever characters that has', () => {
    fc.assert(
      fc.property(
        word,
        word,
        fc.oneof(aNote, fc.constant({ text: 'a\u2028b\u2029c\u0085d\r\ne' })),
        fc.option(fc.oneof(json, fc.string({ unit: 'binary' })), { nil: undefined }),
        (node, id, note, payload) => {
          const text = seal(node, id, note, payload)
          expect(isSealed(text)).toBe(true)
          expect(open(text)).toEqual({ node, id, note, payload })
        },
      ),
      { seed, numRuns: 1000 },
    )
  })

  it('survives the way over the wire', () => {
    fc.assert(
      fc.property(json, (payload) => {
        const text = Buffer.from(seal('a', '1', undefined, payload)).toString()
        expect(open(text)).toEqual({ node: 'a', id: '1', note: undefined, payload })
      }),
      { seed },
    )
  })

  it('is never taken for JSON, nor JSON for it', () => {
    fc.assert(
      fc.property(word, word, fc.option(object, { nil: undefined }), json, (node, id, note, payload) => {
        expect(() => JSON.parse(seal(node, id, note, payload))).toThrow()
        expect(isSealed(payload)).toBe(false)
        expect(isSealed(` \n\t${payload}`)).toBe(false)
      }),
      { seed, numRuns: 1000 },
    )
  })

  it('of another version tells the version and the node, however that version goes on', () => {
    for (const rest of ['', ' 1', ' 1 {"a":1}', ' 1 what else', '\nanything', ' 1\n{}']) {
      expect(open(`rookery/2 other${rest}`)).toEqual({ version: '2', node: 'other' })
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
  ])('refuses what is none: %j', (text) => {
    expect(() => open(text)).toThrow()
  })

  it('refuses garbage with an error and nothing worse', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (garbage) => {
        for (const text of [garbage, `rookery/${garbage}`, `rookery/1 a ${garbage}`]) {
          try {
            open(text)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
      }),
      { seed, numRuns: 1000 },
    )
  })
})
