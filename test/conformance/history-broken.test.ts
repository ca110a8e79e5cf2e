import { historyConformance } from 'rookery/testing/conformance'
import { afterEach, describe, expect, it } from 'vitest'
import { type HistoryCase, runHistoryCase } from '../../plugins/testing/history/history-case.ts'
import { historyCases } from '../../plugins/testing/history/history-cases.ts'
import { readHistorySuiteOptions } from '../../plugins/testing/history/history-options.ts'
import { sharedMemory } from '../support/conformance-history.ts'
import { historyFaults, leftovers } from '../support/conformance-history-faults.ts'

type FaultName = keyof typeof historyFaults

/** For each case, the faults that it catches, with the expected failure message. */
const catches: Readonly<Record<string, Partial<Record<FaultName, RegExp>>>> = {
  'messages get the numbers 1, 2, 3 …, also when many are appended at the same time': {
    'begins with 0': /MUST get the numbers 1, 2, 3/,
  },
  'a node gets its own messages, each once and in order': {
    'delivers every message twice': /MUST deliver each message once/,
    'drops every 20th message': /MUST be delivered to every node/,
  },
  'every node gets the messages of all nodes, in one order': {
    'drops every 20th message': /MUST be delivered to every node/,
  },
  'a node that starts later knows the number of the last message, and gets those after it': {
    'starts at number 0': /delivered MUST count the messages from before the start/,
    'delivers only messages of its own node': /MUST be delivered to every node/,
  },
  'deliver is not called inside append': {
    'delivers inside append': /MUST NOT call deliver inside append/,
  },
  'delivered is the number of the message that is being delivered': {
    'starts at number 0': /delivered MUST be the number of the last message/,
  },
  'messages are delivered and read as they were appended: topics, payloads of every kind, except': {
    'drops except': /MUST be delivered and read as they were appended/,
    'drops all topics but the first when it reads': /MUST be delivered and read as they were appended/,
  },
  'a message has the time at which it was stored, which is never less than that of the message before': {
    'has times of its own': /Times MUST NOT decrease/,
  },
  'a second message with the same id is not stored, and gets the number of the first': {
    'ignores ids': /MUST NOT be stored/,
  },
  'ids may have any characters and any length, and similar ids differ': {
    'trims ids': /MUST NOT be stored/,
  },
  'an id counts at every node': {
    'knows the ids of its own node only': /MUST NOT be stored/,
  },
  'read returns the oldest messages of a range, up to the limit': {
    'ignores the limit': /at most `limit`/,
  },
  'a pattern matches any topic of a message, a message is returned once, and * does not match $ topics': {
    'matches the first topic only': /that match/,
  },
  'readLast returns the newest messages up to a number, in order': {
    'returns the newest first': /readLast MUST return/,
  },
  'random reads of random messages return what the topics and the range say': {
    'matches the first topic only': /that match/,
    'ignores the limit': /at most `limit`/,
  },
  'before returns the number of the last message before a time': {
    'counts the message at the time, too': /before MUST return/,
  },
  'first is the number of the oldest message, and one more than the newest if none is kept': {
    'counts first from 0': /first MUST return/,
  },
  'the oldest messages leave when there are more than maxMessages': {
    'ignores maxMessages': /first MUST return/,
    'returns what is left of a range': /MUST return undefined if messages of the range are no longer kept/,
  },
  'the oldest messages leave when they take more than maxBytes': {
    'ignores maxBytes': /MUST NOT take more than maxBytes/,
  },
  'messages leave when they are older than maxAge, and the numbers go on': {
    'ignores maxAge': /MUST leave when they are older/,
  },
  'a store that is available has an epoch and a key of 16 bytes, and keeps them': {
    'has no epoch': /epoch MUST NOT be empty/,
  },
  'epoch and key are the same at every node, also at nodes that start at the same time': {
    'has a key of its own': /MUST be the same at every node/,
  },
  'a stream that is created anew has another epoch at every node, and its messages are delivered': {
    'keeps its first epoch': /epoch MUST change/,
    'does not tell of a new stream': /lost MUST be called/,
  },
  'stop is idempotent, and append and the reads reject with history_unavailable from then on': {
    'resolves after stop': /first MUST reject after stop/,
  },
  'a store can be stopped before it is started': {
    'needs a start before its stop': /not started/,
  },
  'a stopped store delivers nothing more, and leaves no timer': {
    'leaves a timer': /MUST NOT leave a timer/,
  },
}
const runs = Object.entries(catches).flatMap(([name, caught]) =>
  Object.entries(caught).map(([fault, text]) => ({ name, fault: fault as FaultName, text })),
)
/** These runs count the timers of the whole process, so they run one at a time. */
const alone = runs.filter(({ fault }) => fault === 'leaves a timer')

/** Runs one case against a store that is broken in one way. */
const run = async ({ name, fault }: (typeof runs)[number]): Promise<void> => {
  const found = historyCases.find((testCase) => testCase.name === name)
  if (!found) throw new Error(`There is no case '${name}'`)
  const start = () => sharedMemory(historyFaults[fault])
  await runHistoryCase(found, readHistorySuiteOptions({ name: fault, start, timeout: 1500, seed: 1 }))
}

historyConformance({ name: 'shared memory', start: () => sharedMemory() })

describe.concurrent('a store that', () => {
  it.each(runs.filter((one) => !alone.includes(one)))('$fault is caught: $name', async (one) => {
    await expect(run(one)).rejects.toThrow(one.text)
  })
})

describe('a store that', () => {
  afterEach(() => {
    for (const timer of leftovers.splice(0)) clearInterval(timer)
  })

  it.each(alone)('$fault is caught: $name', async (one) => {
    await expect(run(one)).rejects.toThrow(one.text)
  })
})

describe('the conformance kit of stores', () => {
  it('catches at least one fault with every case', () => {
    expect(Object.keys(catches).toSorted()).toEqual(historyCases.map(({ name }) => name).toSorted())
  })

  it('catches every fault', () => {
    const caught = [...new Set(runs.map(({ fault }) => fault))]
    expect(caught.toSorted()).toEqual(Object.keys(historyFaults).toSorted())
  })

  it.each([
    [{ name: 'x' }, /'name' and 'start' are required/],
    [{ name: 'x', start: 1 }, /'start' must be a function/],
    [{ name: 'x', start: sharedMemory, create: 1 }, /there is no option 'create'/],
    [{ name: 'x', start: sharedMemory, missing: { cut: 'no' } }, /there is no option 'cut'/],
    [{ name: 'x', start: sharedMemory, missing: { nodes: '' } }, /a non-empty string/],
  ])('refuses invalid options: %j', (options, text) => {
    expect(() => historyConformance(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(text) }),
    )
  })

  it('refuses an environment without create, or without recreate and a reason in missing', async () => {
    const [first] = historyCases as [HistoryCase]
    const { create } = sharedMemory()
    const attempt = (environment: object, missing = {}) =>
      runHistoryCase(
        first,
        readHistorySuiteOptions({ name: 'x', start: () => environment as never, missing }),
      )
    await expect(attempt({})).rejects.toThrow(/must return an environment with 'create'/)
    await expect(attempt({ create })).rejects.toThrow(/set missing: \{ recreate: reason \}/)
    await attempt({ create }, { recreate: 'no way' })
  })
})
