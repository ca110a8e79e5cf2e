import { expect } from 'vitest'
import type { KeptMessage, NewMessage } from '../../../../core/history/store.ts'
import type { HistoryCase } from '../history-case.ts'
import { message } from '../history-node.ts'

const UNCHANGED = 'Messages MUST be delivered and read as they were appended'

const contentOf = ({ topics, topic, payload, except }: KeptMessage): NewMessage => ({
  topics,
  topic,
  payload,
  except,
})

const SAMPLES: readonly NewMessage[] = [
  message('a'),
  message('a', null),
  message('a', ''),
  message('a', { text: 'line\nbreak, "quotes", \u2028 and 🌍', list: [1, 2.5, -3e10, true] }),
  message('é/🌍/%.>', 'x'.repeat(50_000)),
  message('x'.repeat(255), 1),
  { ...message('a', 2), except: 'some client' },
  { topics: ['b/1', 'b/2'], topic: 'b', payload: '3', except: null },
  { topics: ['$user/ada', 'b/2', 'c'], topic: 'c', payload: undefined, except: '' },
  {
    topics: Array.from({ length: 40 }, (_, index) => `${index}/${'y'.repeat(250)}`),
    topic: '0',
    payload: '{}',
    except: null,
  },
]

export const contents: readonly HistoryCase[] = [
  {
    name: 'messages are delivered and read as they were appended: topics, payloads of every kind, except',
    async run(context) {
      const node = await context.startNode()
      await node.append(...SAMPLES)
      await context.untilDelivered(node, SAMPLES.length)
      expect(node.delivered.map(contentOf), UNCHANGED).toEqual(SAMPLES)
      const last = await node.store.readLast(['*', '*/*', '$user/*'], SAMPLES.length, SAMPLES.length)
      expect(last.map(contentOf), UNCHANGED).toEqual(SAMPLES)
      const found = await node.read(['*', '*/*', '$user/*'], 0, SAMPLES.length)
      expect(found.map(contentOf), UNCHANGED).toEqual(SAMPLES)
    },
  },
  {
    name: 'a message has the time at which it was stored, which is never less than that of the message before',
    async run(context) {
      const node = await context.startNode()
      const start = Date.now()
      await node.append(...Array.from({ length: 30 }, (_, n) => message('a', n)))
      await context.untilDelivered(node, 30)
      const end = Date.now()
      for (const messages of [node.delivered, await node.read('a', 0, 30)]) {
        const times = messages.map(({ time }) => time)
        expect(times, 'Times MUST NOT decrease').toEqual(times.toSorted((one, other) => one - other))
        // The clock of a server may differ by a moment.
        const isNow = times.every((time) => time >= start - 1000 && time <= end + 1000)
        expect(isNow, 'The time of a message MUST be when it was stored').toBe(true)
      }
    },
  },
]
