import { describe, expect, it } from 'vitest'
import { addressOf } from '../../../core/cluster/target.ts'
import { assertLine } from '../../../plugins/nats/control-line.ts'
import { patternSubject, requestSubject, subjectOf } from '../../../plugins/nats/subjects.ts'

const PREFIX = `${'p'.repeat(49)}.${'p'.repeat(50)}`
const NODE = 'n'.repeat(12)
const INBOX = `${PREFIX}.${'i'.repeat(22)}.answer.${Number.MAX_SAFE_INTEGER}.${NODE}`

/** The longest text of 255 bytes, once it is encoded, is one of these. */
const longest = (character: string) => character.repeat(255 / Buffer.byteLength(character))

describe('the names in a line of the NATS protocol', () => {
  it('fit for every id and topic that Rookery accepts, with the longest prefix', () => {
    for (const character of ['x', '@', '*', '%', '.', '>', '漢', 'é', '😀', '\u0000']) {
      for (const kind of ['user', 'room', 'session']) {
        const address = addressOf({ [kind]: longest(character) } as never)
        assertLine(subjectOf(PREFIX, address), INBOX)
        assertLine(requestSubject(PREFIX, NODE, address), INBOX)
      }
      const topic = longest(character)
      assertLine(subjectOf(`${PREFIX}.event`, topic), INBOX)
      // A group has 255 characters of up to four bytes.
      assertLine(patternSubject(`${PREFIX}.work`, topic), '😀'.repeat(255))
    }
  })

  it('are refused past the limit of the server, which counts bytes', () => {
    assertLine('x'.repeat(4000), 'x'.repeat(56))
    for (const [subject, other] of [
      ['x'.repeat(4057)],
      ['x'.repeat(4000), 'x'.repeat(57)],
      ['漢'.repeat(1353)],
    ]) {
      expect(() => assertLine(subject as string, other)).toThrow(
        expect.objectContaining({ code: 'invalid_topic' }),
      )
    }
  })
})
