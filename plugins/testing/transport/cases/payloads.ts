import { expect } from 'vitest'
import { breach, departure } from '../../violation.ts'
import type { Case, Trial } from '../transport-case.ts'

const WHOLE = 'A frame MUST arrive as it was written'

/** Publishes payloads to a peer, and has it send them to a handler: both ways they must stay what they are. */
const carry = async (trial: Trial, payloads: readonly unknown[], limits = {}): Promise<void> => {
  const rates = { messageRate: 100_000, messageBurst: 100_000 }
  const server = await trial.start({ limits: { ...rates, ...limits } })
  const peer = await server.join()
  await peer.subscribe('down')
  for (const payload of payloads) await server.app.publish('down', payload)
  await peer.untilOn('down', payloads, WHOLE)
  const heard: unknown[] = []
  server.app.handle('up', (_ctx, payload) => void heard.push(payload))
  await peer.send(...payloads.map((payload) => ({ topic: 'up', payload })))
  await trial.until(() => {
    const wrong = departure(heard, payloads)
    if (wrong) throw breach(`${WHOLE} by the peer`, wrong)
  })
}

const TEXTS = [
  'é ü ñ ß',
  'a\nb\r\nc\rd\u2028e\u2029f\u0000g\u001fh\u007fi\t',
  'Дмитрий 漢字 かな עברית العربية',
  '\u{1f389}\u{1f469}‍\u{1f4bb} e\u0301 \ufeff \ufffd',
  // Half of a pair: JSON escapes it.
  'half \ud83c of a pair',
  '"quoted" \\ back\\n slash \\u0041 </script> data: x\n\nevent: y\n\n',
]

const ALPHABET = ['a', '"', '\\', '\n', '\r', '\u0000', 'é', '漢', '\u2028', '\u{1f389}', ' ', ':']

export const payloads: readonly Case[] = [
  {
    name: 'text arrives whole, whatever is in it: line breaks, control characters, all of Unicode',
    async run(trial) {
      const texts = Array.from({ length: 30 }, () => {
        const length = trial.random.below(60)
        return Array.from({ length }, () => trial.random.pick(ALPHABET)).join('')
      })
      await carry(trial, [...TEXTS, ...texts])
    },
  },
  {
    name: 'topics arrive whole, whatever letters they have',
    async run(trial) {
      const server = await trial.start()
      const topic = 'chat/Дмитрий/漢字/\u{1f389}/"quoted"\\'
      server.app.handle('*', (ctx) => ctx.topic)
      const peer = await server.join()
      expect(await peer.call(topic), WHOLE).toBe(topic)
      await peer.subscribe(topic)
      await server.app.publish(topic, 1)
      await peer.untilOn(topic, [1], WHOLE)
    },
  },
  {
    name: 'payloads of every kind stay what they are, those that look empty too',
    async run(trial) {
      const nested = { a: [{ b: { c: [[], {}, [null]] } }], '': { ' ': '' } }
      await carry(trial, [null, '', 0, -0.5e-7, false, true, [], {}, [[]], nested, 2 ** 53 - 1, '0', 'null'])
    },
  },
  {
    name: 'a payload that is absent stays absent',
    capability: 'absentPayload',
    async run(trial) {
      const server = await trial.start()
      const peer = await server.join()
      await peer.subscribe('bell')
      await server.app.publish('bell')
      await peer.untilOn('bell', [undefined], 'A message without a payload MUST arrive without one')
      const reply = await peer.ask({ topic: 'echo' })
      expect(reply, 'A reply without a payload MUST arrive without one').toEqual({
        type: 'reply',
        id: reply.id,
      })
    },
  },
  {
    name: 'large payloads arrive whole, in both directions',
    async run(trial) {
      const large = (bytes: number) => {
        const start = String(trial.random.below(1000))
        // Three bytes each: whoever cuts bytes anywhere, cuts a letter.
        return `${start}${'漢'.repeat((bytes - start.length) / 3)}`
      }
      const payloads = [large(70_000), 'small', large(300_000), large(130), large(700_000), 'end']
      await carry(trial, payloads, { maxPayload: 1_000_000, maxBuffered: 8_000_000 })
    },
  },
]
