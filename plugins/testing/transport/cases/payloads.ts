import { expect } from 'vitest'
import { mismatch, violation } from '../../violation.ts'
import type { TransportCase, TransportCaseContext } from '../transport-case.ts'

const UNCHANGED = 'A frame MUST arrive as it was written'

/** Sends payloads to a peer and back to a handler. @throws if a payload changes in either direction */
const expectUnchanged = async (
  context: TransportCaseContext,
  payloads: readonly unknown[],
  limits = {},
): Promise<void> => {
  const rates = { messageRate: 100_000, messageBurst: 100_000 }
  const server = await context.start({ limits: { ...rates, ...limits } })
  const peer = await server.openSession()
  await peer.subscribe('down')
  for (const payload of payloads) await server.app.publish('down', payload)
  await peer.untilPayloads('down', payloads, UNCHANGED)
  const heard: unknown[] = []
  server.app.handle('up', (_ctx, payload) => void heard.push(payload))
  await peer.send(...payloads.map((payload) => ({ topic: 'up', payload })))
  await context.until(() => {
    const wrong = mismatch(heard, payloads)
    if (wrong) throw violation(`${UNCHANGED} by the peer`, wrong)
  })
}

const TEXTS = [
  'é ü ñ ß',
  'a\nb\r\nc\rd\u2028e\u2029f\u0000g\u001fh\u007fi\t',
  'Дмитрий 漢字 かな עברית العربية',
  '\u{1f389}\u{1f469}‍\u{1f4bb} e\u0301 \ufeff \ufffd',
  // Half of a surrogate pair, which JSON escapes.
  'half \ud83c of a pair',
  '"quoted" \\ back\\n slash \\u0041 </script> data: x\n\nevent: y\n\n',
]

const ALPHABET = ['a', '"', '\\', '\n', '\r', '\u0000', 'é', '漢', '\u2028', '\u{1f389}', ' ', ':']

export const payloads: readonly TransportCase[] = [
  {
    name: 'text arrives unchanged: line breaks, control characters, all of Unicode',
    async run(context) {
      const texts = Array.from({ length: 30 }, () => {
        const length = context.random.below(60)
        return Array.from({ length }, () => context.random.pick(ALPHABET)).join('')
      })
      await expectUnchanged(context, [...TEXTS, ...texts])
    },
  },
  {
    name: 'topics with any characters arrive unchanged',
    async run(context) {
      const server = await context.start()
      const topic = 'chat/Дмитрий/漢字/\u{1f389}/"quoted"\\'
      server.app.handle('*', (ctx) => ctx.topic)
      const peer = await server.openSession()
      expect(await peer.call(topic), UNCHANGED).toBe(topic)
      await peer.subscribe(topic)
      await server.app.publish(topic, 1)
      await peer.untilPayloads(topic, [1], UNCHANGED)
    },
  },
  {
    name: 'payloads of every JSON type arrive unchanged, empty ones included',
    async run(context) {
      const nested = { a: [{ b: { c: [[], {}, [null]] } }], '': { ' ': '' } }
      await expectUnchanged(context, [
        null,
        '',
        0,
        -0.5e-7,
        false,
        true,
        [],
        {},
        [[]],
        nested,
        2 ** 53 - 1,
        '0',
        'null',
      ])
    },
  },
  {
    name: 'an absent payload stays absent',
    capability: 'absentPayload',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      await peer.subscribe('bell')
      await server.app.publish('bell')
      await peer.untilPayloads('bell', [undefined], 'A message without a payload MUST arrive without one')
      const reply = await peer.request({ topic: 'echo' })
      expect(reply, 'A reply without a payload MUST arrive without one').toEqual({
        type: 'reply',
        id: reply.id,
      })
    },
  },
  {
    name: 'large payloads arrive unchanged in both directions',
    async run(context) {
      const large = (bytes: number) => {
        const start = String(context.random.below(1000))
        // Each character has three bytes, so that a cut between chunks splits a character.
        return `${start}${'漢'.repeat((bytes - start.length) / 3)}`
      }
      const payloads = [large(70_000), 'small', large(300_000), large(130), large(700_000), 'end']
      await expectUnchanged(context, payloads, { maxPayload: 1_000_000, maxBuffered: 8_000_000 })
    },
  },
]
