import { clusterConformance } from 'rookery/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { type ClusterCase, runClusterCase } from '../../plugins/testing/cluster/cluster-case.ts'
import { clusterCases } from '../../plugins/testing/cluster/cluster-cases.ts'
import { readClusterOptions } from '../../plugins/testing/cluster/cluster-options.ts'
import { memoryEnvironment } from '../support/conformance-cluster.ts'
import { messageFaults } from '../support/conformance-cluster-message-faults.ts'
import { leftovers, otherFaults } from '../support/conformance-cluster-other-faults.ts'

const faults = { ...messageFaults, ...otherFaults }
type ClusterFaultName = keyof typeof faults

/** For each case the backends that it catches, and what it says of them. */
const catches: Readonly<Record<string, Partial<Record<ClusterFaultName, RegExp>>>> = {
  'a node that has started knows the others, who soon know it and are told once that it joined': {
    'does not wait for the others': /start resolves when the other nodes are known: expected/,
    'does not say who comes': /tells once that a node has joined/,
  },
  'every node has an id of its own, of letters, digits and _, with which its session ids begin': {
    'has a dash in its id': /is of letters, digits and _/,
  },
  'a node that stops is seen leaving by all others, each of which is told once': {
    'does not say who goes': /tells once that a node has left/,
    'says all changes twice': /tells once that a node has left/,
  },
  'nodes that start at once all see each other, in the same order': {
    'knows one other node': /MUST know those that are there/,
  },
  'nodes that start after others have stopped find only each other': {
    'does not stop': /MUST know those that are there/,
  },
  'payloads of every kind and size arrive as they were published': {
    'loses what looks empty': /undefined, where null was due/,
    'writes Latin-1': /MUST arrive as it was published; of 17 sent/,
  },
  'topics arrive whole, whatever characters they have, and at no other topic': {
    'takes dots for slashes': /MUST arrive as it was published; nothing came on/,
  },
  'a message with a client topic of its own comes with the topics of its event, and no other does': {
    'forgets all topics but the first': /MUST arrive as it was published/,
  },
  "a session gets a message once, whichever of its patterns and of the event's topics match": {
    'delivers once for each topic': /get the message, each once/,
    'delivers twice': /get the message, each once/,
  },
  "the publisher's own sessions get a message once too": {
    'echoes messages': /delivers locally by itself/,
  },
  'a session that no longer subscribes gets nothing more': {
    'mixes topics up': /expected \[ 'before', 'after', 'marker' \]/,
  },
  'the session that a message excepts does not get it, on whichever node it is': {
    'forgets whom to except': /except names the session that does not get it/,
  },
  'internal events do not reach sessions': {
    'takes internal events to sessions': /without a client message MUST NOT reach sessions/,
  },
  'a wildcard does not match a topic whose first segment begins with $': {
    'thinks nothing of $': /Wildcards do not match \$ topics/,
  },
  'interest is counted: a pattern stays wanted until all who want it no longer do': {
    'does not count interest': /one more wants a pattern, or one less/,
  },
  'messages of one topic arrive in the order of publishing, all of them, each once': {
    'reorders messages': /after 0 that were right came \{"n":1/,
    'drops every 20th message': /of 1000 sent 950 came/,
    'delivers twice': /of 1000 sent 2000 came/,
  },
  'messages of two publishers may mix, and those of each keep their order': {
    'reorders messages': /after 0 that were right came 1/,
    'echoes messages': /of 300 sent 600 came/,
  },
  'a topic keeps its order where some events have other topics too': {
    'lets messages of several topics wait': /MUST keep the order of one topic/,
  },
  'a message to a user reaches all sessions of the user, on whichever nodes, and counts them': {
    'believes the first answer': /MUST reach all nodes that have sessions there: expected 3 to be 4/,
  },
  'a message to a session or a room arrives on whichever nodes they are': {
    'finds only users': /Nobody is connected as/,
  },
  'a message to nobody is refused, at once': {
    'waits where nobody is': /answered at once/,
  },
  'ids may have any characters': {
    'unescapes addresses': /"a b": expected 'not_connected'/,
  },
  'all sessions of a target are closed on every node, with the error, and counted': {
    'loses the payloads of questions': /MUST reach all nodes that have sessions there: expected 1 to be 4/,
  },
  'what is sent after a send has resolved arrives after it': {
    'answers before it acts': /resolves when the sessions took it/,
  },
  'a node is asked and answers: the payload, who asks, and the value arrive as they are': {
    'loses the payloads of questions': /MUST arrive as they are/,
    'does not wait for answers': /Answers are awaited/,
  },
  'errors of whoever answers arrive with code, message and issues': {
    'has no errors': /MUST become the answer's error/,
  },
  'a question to a node that is not there is answered by nobody, in time': {
    'answers for those who are not there': /A question to a node that is not there MUST end/,
  },
  'a question is put to all other nodes that have to do with its address, once each, and to no more': {
    'asks itself too': /Every node with sessions there MUST answer, and no other/,
  },
  'a node that does not answer in time is missing from a thorough question, and the others answer': {
    'misses nobody': /missing names those that did not answer/,
    'waits for all answers': /MUST NOT wait for longer than its timeout/,
  },
  'questions that are under way at the same time do not mix': {
    'answers all questions of a moment alike': /Every question gets its own answer/,
  },
  'a listener hears the events of its own node, or of every node, as its scope says, each once': {
    'echoes events': /expected .* to have a length of 30 but got 40/,
  },
  "an event reaches a listener once, whichever of its patterns and of the event's topics match": {
    'emits once for each topic': /MUST hear the events of every node, each once/,
  },
  'events come to other nodes with their topics, payload and actor, those for clients with their message': {
    'forgets who caused events': /Events MUST cross whole/,
  },
  'a listener of events for clients only hears no others of any node': {
    'forgets what clients see of events': /MUST keep its client message/,
  },
  'what listeners want is counted: a pattern stays wanted until all who want it no longer do': {
    'does not count listeners': /one more wants a pattern, or one less/,
  },
  'an event that cannot be written as JSON is still heard on its own node': {
    'trusts that all can be written': /emit MUST NOT throw/,
  },
  'one node of each group handles an event, whoever publishes it, and the work is shared': {
    'has every node of a group handle events': /exactly one MUST handle each event; of 300 sent/,
    'has groups of its own only': /exactly one MUST handle each event; of 300 sent/,
  },
  'a member that has cancelled gets no more work, and those that are left get all of it': {
    'never forgets listeners': /exactly one MUST handle each event; of 120 sent/,
  },
  'several listeners of a group on one node all hear the event, if that node handles it': {
    'emits twice': /to have a length of 20/,
  },
  'a node that is alone, or the only one in a group, handles its own events': {
    'leaves the work to others': /exactly one MUST handle each event; of 30 sent 0 came/,
  },
  'a message of a kind comes to who takes it at the other nodes, with its note, and to no session': {
    'forgets kinds': /MUST come to the plugin that takes it/,
    'forgets notes': /MUST come to the plugin that takes it/,
  },
  'a message of a kind that a node does not know is nothing to it': {
    'forgets kinds': /expected \[ 1, 'plain' \]/,
  },
  'when a node is cut off both sides see each other leaving, and when it is back, coming': {
    'does not say who goes': /tells that a node has left/,
    'is always connected': /connected says whether other nodes can be reached/,
  },
  'while a node is cut off, messages, events and groups go on at both sides': {
    'leaves the work to others': /delivers locally by itself/,
  },
  'while a node is cut off, a message to somebody on the other side is refused, and soon': {
    'waits for the connection to come back': /MUST end when the nodes that it is for are gone/,
  },
  'once a node is back, all that was wanted before and meanwhile comes, and nothing comes twice': {
    'forgets what is wanted while it is cut off': /MUST hold again when they are back/,
    'repeats what it said while it was cut off': /Nothing is delivered twice; these came again/,
  },
  'after a short cut the nodes have each other, as if nothing had been': {
    'never comes back': /Nodes that are back reach each other|MUST know those that are there/,
  },
  'a node that has stopped is asked nothing and given no work, which the others do': {
    'does not stop': /MUST know those that are there/,
  },
  'stopping again changes nothing, and what is called after it does no harm': {
    'throws once it has stopped': /MUST NOT throw, also after stop/,
  },
  'a node may be told to stop while it is starting, and before it has': {
    'goes on starting': /start MUST reject soon when stop is called meanwhile/,
  },
  'once stopped, no connection and no timer is left': {
    'leaves a timer': /MUST NOT leave a connection or timer open/,
  },
}
const runs = Object.entries(catches).flatMap(([name, caught]) =>
  Object.entries(caught).map(([fault, message]) => ({ name, fault: fault as ClusterFaultName, message })),
)
/** These look at what the whole process has open. */
const alone = runs.filter(({ fault }) => fault === 'leaves a timer')

/** Runs one case against a backend that is broken in one way. */
const run = async ({ name, fault }: (typeof runs)[number]): Promise<void> => {
  const found = clusterCases.find((one) => one.name === name)
  if (!found) throw new Error(`There is no case '${name}'`)
  const start = () => memoryEnvironment(faults[fault])
  await runClusterCase(found, readClusterOptions({ name: fault, start, timeout: 2000, seed: 1 }))
}

describe.concurrent('a backend that', () => {
  it.each(runs.filter((one) => !alone.includes(one)))('$fault is caught: $name', async (one) => {
    await expect(run(one)).rejects.toThrow(one.message)
  })
})

describe('a backend that', () => {
  afterEach(() => {
    for (const timer of leftovers.splice(0)) clearInterval(timer)
  })

  it.each(alone)('$fault is caught: $name', async (one) => {
    await expect(run(one)).rejects.toThrow(one.message)
  })
})

describe('the cluster kit', () => {
  it('has for every case a backend that fails it', () => {
    expect(Object.keys(catches).toSorted()).toEqual(clusterCases.map(({ name }) => name).toSorted())
  })

  it('catches every way of being broken', () => {
    expect([...new Set(runs.map(({ fault }) => fault))].toSorted()).toEqual(Object.keys(faults).toSorted())
  })

  it('names each case once', () => {
    expect(new Set(clusterCases.map(({ name }) => name)).size).toBe(clusterCases.length)
  })

  it.each([
    [{ name: 'x' }, /give it 'name' and 'start'/],
    [{ name: 'x', start: 1 }, /'start' must be a function/],
    [{ name: 'x', start: memoryEnvironment, timeout: 0 }, /'timeout' must be a whole number/],
    [{ name: 'x', start: memoryEnvironment, plugin: 1 }, /there is no option 'plugin'/],
    [{ name: 'x', start: memoryEnvironment, missing: { cut: 'no' } }, /there is no option 'cut'/],
    [{ name: 'x', start: memoryEnvironment, missing: { partition: '' } }, /a non-empty string/],
  ])('refuses options that are wrong: %j', (options, message) => {
    expect(() => clusterConformance(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })

  it('refuses an environment that is none, or that cannot cut and does not say why', async () => {
    const [first] = clusterCases as [ClusterCase]
    const { plugin } = memoryEnvironment()
    const attempt = (environment: object, missing = {}) =>
      runClusterCase(first, readClusterOptions({ name: 'x', start: () => environment as never, missing }))
    await expect(attempt({})).rejects.toThrow(/resolves with 'plugin' at least/)
    await expect(attempt({ plugin, stop: 1 })).rejects.toThrow(/'stop' must be a function/)
    await expect(attempt({ plugin })).rejects.toThrow(/say missing: \{ partition: why \}/)
    await attempt({ plugin }, { partition: 'no way' })
  })
})
