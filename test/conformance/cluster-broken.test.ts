import { clusterConformance } from 'rookery/testing/conformance'
import { afterEach, describe, expect, it } from 'vitest'
import { type ClusterCase, runClusterCase } from '../../plugins/testing/cluster/cluster-case.ts'
import { clusterCases } from '../../plugins/testing/cluster/cluster-cases.ts'
import { readClusterOptions } from '../../plugins/testing/cluster/cluster-options.ts'
import { memoryEnvironment } from '../support/conformance-cluster.ts'
import { messageFaults } from '../support/conformance-cluster-message-faults.ts'
import { leftovers, otherFaults } from '../support/conformance-cluster-other-faults.ts'

const faults = { ...messageFaults, ...otherFaults }
type ClusterFaultName = keyof typeof faults

/** For each case, the faults that it catches, with the expected failure message. */
const catches: Readonly<Record<string, Partial<Record<ClusterFaultName, RegExp>>>> = {
  'a started node knows the other nodes, and each of them is told once that it joined': {
    'does not wait for the other nodes at start':
      /start MUST resolve when the other nodes are known: expected/,
    'does not report nodes that join': /MUST report once that a node has joined/,
  },
  'every node has a unique id of letters, digits and _, and its session ids begin with it': {
    'has a dash in its id': /MUST consist of letters, digits and _/,
  },
  'every node finds the owner of a session id, also right after the owner has started, and refuses a forged id':
    {
      'gives concurrent questions the same answer': /MUST find the owner of every session id/,
    },
  'when a node stops, every other node is told once that it left': {
    'does not report nodes that leave': /MUST report once that a node has left/,
    'reports every change twice': /MUST report once that a node has left/,
  },
  'nodes that start at the same time all know each other, in the same order': {
    'knows only one other node': /MUST know the nodes of the cluster/,
  },
  'nodes that start after others have stopped know only each other': {
    'does not stop': /MUST know the nodes of the cluster/,
  },
  'payloads of every JSON type and size arrive unchanged': {
    'drops null payloads': /undefined, expected null/,
    'writes Latin-1': /MUST arrive as it was published; sent 17,/,
  },
  'topics with any characters arrive unchanged, and only where a pattern matches': {
    'treats dots as slashes': /MUST arrive as it was published; no message arrived on/,
  },
  'a message names all topics of its event, unless the only one is its own': {
    'drops all topics but the first': /MUST arrive as it was published/,
  },
  "a session gets a message once, however many of its patterns and of the event's topics match": {
    'delivers once for each topic': /MUST get the message once/,
    'delivers twice': /MUST get the message once/,
  },
  'a message that any node publishes after the reply to subscribe arrives': {
    'says too early that other nodes know the interest': /settled MUST resolve when messages/,
  },
  'a message to a user arrives that any node sends after welcome': {
    'says too early that other nodes know the interest': /settled MUST resolve when the other nodes find/,
  },
  'sessions on the publishing node get a message once': {
    'delivers messages on the publishing node': /MUST NOT deliver on the publishing node/,
  },
  'a session gets no message after it has unsubscribed': {
    'adds topics of earlier messages': /expected \[ 'before', 'after', 'marker' \]/,
  },
  'the session in except does not get the message, on any node': {
    'ignores except': /except MUST NOT get the message/,
  },
  'internal events do not reach sessions': {
    'sends internal events to sessions': /without a client message MUST NOT reach sessions/,
  },
  'a wildcard does not match a topic whose first segment begins with $': {
    'removes $ from topics': /Wildcards MUST NOT match \$/,
  },
  'interest is reference-counted: a pattern is delivered until its last reference is removed': {
    'does not count interest': /adds or removes one reference to a pattern/,
  },
  'all messages of one topic arrive in order, each once': {
    'reorders messages': /the first 0 are correct, the next is \{"n":1/,
    'drops every 20th message': /sent 1000, received 950/,
    'delivers twice': /sent 1000, received 2000/,
  },
  'the messages of each publisher arrive in order': {
    'reorders messages': /the first 0 are correct, the next is 1/,
    'delivers messages on the publishing node': /sent 300, received 600/,
  },
  'a topic keeps its order when some events have several topics': {
    'delays messages with several topics': /MUST keep the order of one topic/,
  },
  'a message to a user reaches all sessions of the user on all nodes, and send resolves with their number': {
    'returns only the first answer': /MUST reach all nodes with sessions there: expected 3 to be 4/,
  },
  'a message to a session or a room reaches its sessions on all nodes': {
    'finds only sessions of users': /connected/,
  },
  'a message to a target without sessions is rejected at once with not_connected': {
    'waits although there is no node to ask': /answered at once/,
  },
  'ids of users and rooms may have any characters': {
    'decodes addresses': /"a b": expected 'not_connected'/,
  },
  'disconnect closes the sessions of a target on all nodes with the error, and resolves with their number': {
    'drops the payloads of questions': /MUST reach all nodes with sessions there: expected 1 to be 4/,
  },
  'a message that is sent after another send has resolved arrives later': {
    'answers before it delivers': /MUST resolve after the sessions have taken the message/,
  },
  'a question and its answer arrive unchanged, with the id of the asking node': {
    'drops the payloads of questions': /MUST arrive unchanged/,
    'does not await answers': /ClusterHost\.answer MUST be awaited/,
  },
  'errors of the answering node arrive with code, message, issues, data and retryable': {
    'drops the errors of answers': /MUST become the error of the answer/,
  },
  'a question to a node that does not exist ends in time with node_unreachable': {
    'invents an answer for a missing node': /A question to a node that does not exist MUST end/,
  },
  'a question to an address reaches each other node with sessions there once, and no other node': {
    'also asks itself': /Every node with sessions there MUST answer, and no other/,
  },
  'a thorough question lists nodes that do not answer in time, and returns the other answers': {
    'never lists missing nodes': /missing MUST list the nodes that did not answer/,
    'waits for answers without a time limit': /MUST NOT wait for longer than its timeout/,
  },
  'concurrent questions each get their own answer': {
    'gives concurrent questions the same answer': /Every question MUST get its own answer/,
  },
  'a listener gets the events of its own node or of every node, as it chose, each once': {
    'emits events on the publishing node': /expected .* to have a length of 30 but got 40/,
  },
  "a listener gets an event once, however many of its patterns and of the event's topics match": {
    'emits once for each topic': /MUST get each event of every node once/,
  },
  'events reach other nodes with their topics, payload, actor and client message': {
    'drops the actor of events': /Events MUST arrive unchanged/,
  },
  'a listener with clientOnly() gets only events with a client message, from every node': {
    'drops the client message of events': /MUST keep its client message/,
  },
  'listeners are reference-counted: a pattern is delivered until its last listener cancels': {
    'does not count listeners': /adds or removes one reference to a pattern/,
  },
  'an event that cannot be written as JSON still reaches the listeners of its own node': {
    'throws for events that JSON cannot express': /emit MUST NOT throw/,
  },
  'a node may have very many listeners: they get the events of nodes that start before and after it': {
    'takes only 1,000 listeners': /MUST reach all nodes; the listeners/,
  },
  'exactly one node of each group handles an event, and the nodes share the work': {
    'lets every node of a group handle an event':
      /Exactly one node of a group MUST handle each event; sent 300/,
    'lets the publishing node handle every group event, too':
      /Exactly one node of a group MUST handle each event; sent 300/,
  },
  'a member that has cancelled gets no more events, and the remaining members get all of them': {
    'never removes listeners': /Exactly one node of a group MUST handle each event; sent 120/,
  },
  'all listeners of a group on the handling node get the event': {
    'emits twice': /to have a length of 20/,
  },
  'a node that is alone in the cluster or in its group handles its own events': {
    'claims that other nodes handle every event':
      /Exactly one node of a group MUST handle each event; sent 30, received 0/,
  },
  'a message with a kind reaches the plugin for it on the other nodes, with its note, and no session': {
    'drops the kind of messages': /MUST reach the plugin for that kind/,
    'drops the note of messages': /MUST reach the plugin for that kind/,
  },
  'a node ignores a message of an unknown kind': {
    'drops the kind of messages': /expected \[ 1, 'plain' \]/,
  },
  'when a node is cut off, both sides are told that the other left, and later that it is back': {
    'does not report nodes that leave': /MUST report that a node has left/,
    'always reports a connection': /connected MUST say whether other nodes can be reached/,
  },
  'while a node is cut off, messages, events and groups work on both sides': {
    'claims that other nodes handle every event': /MUST NOT depend on the backend/,
  },
  'while a node is cut off, a message to a user on the other side is rejected soon': {
    'waits for a lost connection before it asks': /MUST end when its recipients are gone/,
  },
  'once a node is back, old and new subscriptions take effect, and nothing is delivered twice': {
    'ignores interest while it is cut off': /MUST take effect again when it is back/,
    'delivers messages twice after a cut': /A message MUST NOT be delivered twice; delivered again/,
  },
  'after a short cut the nodes reach each other again': {
    'never reconnects': /Reconnected nodes MUST reach each other|MUST know the nodes of the cluster/,
  },
  'a stopped node gets no questions and no group events: the other nodes get them': {
    'does not stop': /MUST know the nodes of the cluster/,
  },
  'a node that stops while events come handles its share of the group events, and the other node handles the rest':
    {
      'gives up the events of a node that stops': /drain MUST pass each group event/,
    },
  'stop is idempotent, and calls after it do not throw': {
    'throws after stop': /MUST NOT throw, also after stop/,
  },
  'a node can be stopped before it starts and while it is starting': {
    'does not abort a start': /start MUST reject soon after stop is called/,
  },
  'a stopped node leaves no connection and no timer': {
    'leaves a timer': /MUST NOT leave a connection or timer open/,
  },
}
const runs = Object.entries(catches).flatMap(([name, caught]) =>
  Object.entries(caught).map(([fault, message]) => ({ name, fault: fault as ClusterFaultName, message })),
)
/** These runs count the timers of the whole process, so they run one at a time. */
const alone = runs.filter(({ fault }) => fault === 'leaves a timer')

/** Runs one case against a backend that is broken in one way. */
const run = async ({ name, fault }: (typeof runs)[number]): Promise<void> => {
  const found = clusterCases.find((testCase) => testCase.name === name)
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

describe('the cluster conformance kit', () => {
  it('catches at least one fault with every case', () => {
    expect(Object.keys(catches).toSorted()).toEqual(clusterCases.map(({ name }) => name).toSorted())
  })

  it('catches every fault', () => {
    expect([...new Set(runs.map(({ fault }) => fault))].toSorted()).toEqual(Object.keys(faults).toSorted())
  })

  it('has a different name for every case', () => {
    expect(new Set(clusterCases.map(({ name }) => name)).size).toBe(clusterCases.length)
  })

  it.each([
    [{ name: 'x' }, /'name' and 'start' are required/],
    [{ name: 'x', start: 1 }, /'start' must be a function/],
    [{ name: 'x', start: memoryEnvironment, timeout: 0 }, /'timeout' must be a whole number/],
    [{ name: 'x', start: memoryEnvironment, plugin: 1 }, /there is no option 'plugin'/],
    [{ name: 'x', start: memoryEnvironment, missing: { cut: 'no' } }, /there is no option 'cut'/],
    [{ name: 'x', start: memoryEnvironment, missing: { partition: '' } }, /a non-empty string/],
  ])('refuses invalid options: %j', (options, message) => {
    expect(() => clusterConformance(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })

  it('refuses an environment without a plugin, or without cut, heal and a reason in missing', async () => {
    const [first] = clusterCases as [ClusterCase]
    const { plugin } = memoryEnvironment()
    const attempt = (environment: object, missing = {}) =>
      runClusterCase(first, readClusterOptions({ name: 'x', start: () => environment as never, missing }))
    await expect(attempt({})).rejects.toThrow(/must return an environment with 'plugin'/)
    await expect(attempt({ plugin, stop: 1 })).rejects.toThrow(/'stop' must be a function/)
    await expect(attempt({ plugin })).rejects.toThrow(/set missing: \{ partition: reason \}/)
    await attempt({ plugin }, { partition: 'no way' })
  })
})
