import { afterEach, describe, expect, it } from 'vitest'
import { runTransportCase } from '../../plugins/testing/transport/transport-case.ts'
import { transportCases } from '../../plugins/testing/transport/transport-cases.ts'
import { readTransportOptions } from '../../plugins/testing/transport/transport-options.ts'
import { brokenBy, type FaultName, faults, leftovers } from '../support/conformance-faults.ts'
import { Memory, memory } from '../support/conformance-memory.ts'

/** For each case the transports that it catches, and what it says of them. */
const catches: Readonly<Record<string, Partial<Record<FaultName, RegExp>>>> = {
  'a session begins with welcome: protocol, session, and the limits of the app': {
    'swallows the welcome': /MUST be welcomed; the peer got no frame/,
  },
  'the query of the handshake reaches the app as the peer wrote it': {
    'forgets the query': /Handshake\.query MUST/,
  },
  'the token of the handshake reaches the app': { 'forgets the token': /Handshake\.token MUST/ },
  'the handshake names the transport and the address, and has its headers in lower case': {
    'does not know the address': /Handshake\.address MUST/,
    'calls itself otherwise': /Handshake\.transport MUST/,
    'has headers as they came': /Handshake\.headers MUST/,
  },
  'each of several peers is who it said it is, and is reached as that': {
    'takes every handshake for the first': /handshake MUST be that of its own connection/,
    'forgets the query': /handshake MUST be that of its own connection/,
  },
  'a peer that is refused gets the reason, nothing else, and is not to come back': {
    'never closes': /MUST close; the peer is still connected, and .*unauthenticated/,
    'swallows close frames':
      /a close frame with 'unauthenticated' MUST be the last frame; the peer got no frame/,
  },
  'a peer that is refused for a reason that passes is told when to come back': {
    'tells nobody to come back': /close frame MUST arrive as it was written/,
  },
  'a handshake that takes too long ends the connection, and what comes of it later changes nothing': {
    'never closes': /MUST close; the peer is still connected/,
  },
  'frames that a peer sends before its session is open are held back, and then come in order': {
    'forgets what came before the session was open': /before open resolved MUST be passed on/,
  },
  'a subscription that a peer sends before its session is open holds from the welcome on': {
    'forgets what came before the session was open': /a reply to 1 is due; the peer got 1 frames/,
  },
  'a peer that leaves before its session is open leaves nothing behind': {
    'forgets who left before the session was open': /even if that was earlier; 1 sessions should be left/,
  },
  'what the server sends and subscribes a session to at its opening comes after the welcome': {
    'puts messages before all else': /keep the order/,
  },
  'messages arrive in the order in which they were published, all of them, each once': {
    'drops every third frame': /of \d+ sent \d+ came; after 2 that were right/,
    'reorders frames': /after 0 that were right came/,
    'duplicates every tenth frame': /of \d+ sent \d+ came; after 10 that were right/,
  },
  'what a peer sends reaches the handlers in the order of sending, all of it, each once': {
    'drops every tenth frame of peers': /of 200 sent 180 came; after 9 that were right/,
    'duplicates every tenth frame of peers': /of 200 sent 220 came; after 10 that were right/,
    'lets every tenth frame of peers wait': /passed to session\.receive, in order/,
  },
  'replies and messages to one session keep their order among each other': {
    'puts all else before messages': /in their order/,
  },
  'every call gets the reply to it, whichever is answered first': {
    'has room for ids of a byte': /MUST arrive under the id of its call/,
  },
  'a frame without an id is not answered': {
    'numbers frames that have no id': /MUST be passed on without one/,
  },
  'a message keeps its fields: the topics of its event, and its place in the history': {
    'knows only topic and payload': /with all its fields/,
  },
  'peers that subscribe to different things each get theirs, from one and the same turn': {
    'caches batches by their first frame': /MUST write the frames that it is given/,
  },
  'the array of frames is not kept: what happens to it after the write changes nothing': {
    'keeps the array': /MUST NOT keep the array/,
  },
  'text arrives whole, whatever is in it: line breaks, control characters, all of Unicode': {
    'writes Latin-1': /MUST arrive as it was written/,
  },
  'topics arrive whole, whatever letters they have': { 'writes Latin-1': /MUST arrive as it was written/ },
  'payloads of every kind stay what they are, those that look empty too': {
    'loses what looks empty': /where null was due/,
  },
  'a payload that is absent stays absent': { 'writes null for nothing': /MUST arrive without one/ },
  'large payloads arrive whole, in both directions': {
    'cuts letters at the ends of chunks': /MUST arrive as it was written/,
    'drops frames above 64 KiB': /MUST arrive as it was written/,
  },
  'from the reply to a subscription on, everything published arrives': {
    'confirms subscriptions before the app has them': /published after a subscription MUST arrive/,
  },
  'from the reply to the end of a subscription on, nothing more of it arrives': {
    'confirms the end of subscriptions by itself': /unsubscribe MUST reach the app; of 1 sent 2 came/,
  },
  'what is wrong with a frame that has an id is answered under it, and the session goes on': {
    'has no replies for errors': /a reply to 1 is due/,
  },
  'the errors of handlers arrive with code, message and issues; what is internal stays hidden': {
    'knows only the code of an error': /error MUST arrive as it was written/,
  },
  'what is wrong with a frame without an id comes as an error, and the session goes on': {
    'swallows errors': /MUST come as an error/,
  },
  'a frame of the largest size is taken': { 'takes only half of the limit': /payload_too_large/ },
  'a frame above the largest size reaches no handler: the peer is told, or cut off': {
    'ignores the limit': /MUST refuse frames larger than limits\.maxPayload bytes; a handler got one/,
  },
  'a flood is refused, and then cut off, with the reason': {
    'never closes': /MUST end the connection of a flood/,
    'swallows close frames': /a close frame with 'rate_limited' MUST be the last frame/,
  },
  'a peer that does not read is cut off, with the reason, and hurts no other': {
    'never says what is buffered': /MUST count the bytes .* the app noticed nothing/,
  },
  'a peer that does not read may miss messages instead, and gets what comes later in order': {
    'never says what is buffered': /none of 400 messages of 100 kB .* was dropped/,
  },
  'a peer that reads is never taken for a slow one, however much it gets': {
    'counts as buffered all that it ever wrote': /a peer that reads got \d+ of \d+ messages/,
  },
  'a peer that stops answering pings is dropped, and one that answers is not': {
    'claims to watch its peers':
      /no sign of life MUST be dropped, and no other; 1 sessions should be left.*"sessions":2/,
    'swallows pings': /MUST be dropped, and no other; .*"sessions":0|A peer that answers pings MUST stay/,
    'never terminates': /Wire\.terminate MUST drop/,
  },
  'a peer whose session the server ends is told why, and whether to come back': {
    'swallows close frames': /a close frame with 'forbidden' MUST be the last frame/,
    'tells nobody to come back': /close frame MUST arrive as it was written/,
  },
  'what was sent before the end of a session still arrives': {
    'closes at once': /once what was written has left/,
  },
  'nothing comes after the end, and no call to a closed wire fails': {
    'throws after close':
      /Wire\.write MUST NOT throw after close; right after close it threw Error: write after end/,
    'goes on writing after close': /close frame with 'game_over' MUST be the last frame/,
  },
  'a wire whose peer is gone fails no call either': {
    'throws when its peer is gone': /Wire\.write MUST NOT throw after close; after the peer had left/,
  },
  'terminate drops the connection at once': { 'never terminates': /Wire\.terminate MUST drop/ },
  'a peer that leaves politely ends its session, once and without an error': {
    'leaks the session': /disconnected\(\) MUST be called/,
    'takes leaving for an error': /without an error/,
  },
  'a peer that is cut off ends its session, once and without an error': {
    'leaks the session': /disconnected\(\) MUST be called/,
    'takes leaving for an error': /without an error/,
  },
  'a peer that leaves in the middle of things leaves nothing behind, and its handlers are told': {
    'leaks the session': /disconnected\(\) MUST be called .*"patterns":3/,
  },
  'a peer that comes back is a new session, with nothing of the old one': {
    'gives who comes back the old session': /MUST be welcomed/,
  },
  'several connections of one user are several sessions: the end of one is not that of another': {
    'ends all sessions of a user with one': /MUST end its session and no other/,
  },
  'peers come back to an app that has been started anew': {
    'works for the first app only': /MUST be welcomed; the peer got 1 frames: .*shutting_down/,
  },
  'when many have come and gone, in every way, nothing of them is left': {
    'leaks the session': /disconnected\(\) MUST be called/,
    'leaves a timer for every connection':
      /MUST leave no socket and no timer; there were .* and now .*Timeout/,
  },
  'a stopping app delivers what was sent, tells every peer when to come back, and ends all connections': {
    'closes at once': /a close frame with 'shutting_down' MUST be the last frame/,
    'never stops': /stop did not finish within/,
  },
  'a stopping app does not wait for ever for a peer that does not read': {
    'closes only when all has left': /stop did not finish within/,
  },
  'a stopping app does not wait for ever for a peer whose handshake does not end': {
    'never stops': /stop did not finish within/,
  },
  'once stopped, nobody is taken in': { 'goes on listening': /MUST take no more connections; one came in/ },
  'once stopped, no socket and no timer is left': {
    'leaves a timer when it stops': /MUST NOT leave a socket or timer open/,
  },
}

/** Runs one case against a transport that is broken in one way. */
const run = async (name: string, fault: FaultName): Promise<void> => {
  const found = transportCases.find((one) => one.name === name)
  if (!found) throw new Error(`There is no case '${name}'`)
  const alter = brokenBy(fault)
  const settings = readTransportOptions({
    name: fault,
    plugin: () => memory(alter),
    connect: async (app, handshake) => app.scope.get(Memory).connect(handshake),
    timeout: 2000,
    seed: 1,
  })
  await runTransportCase(found, settings)
}

const runs = Object.entries(catches).flatMap(([name, caught]) =>
  Object.entries(caught).map(([fault, message]) => ({ name, fault: fault as FaultName, message })),
)
/** These look at what the whole process has open. */
const alone = runs.filter(({ fault }) => fault.startsWith('leaves a timer'))

describe.concurrent('a transport that', () => {
  it.each(runs.filter((one) => !alone.includes(one)))('$fault is caught: $name', async (one) => {
    await expect(run(one.name, one.fault)).rejects.toThrow(one.message)
  })
})

describe('a transport that', () => {
  afterEach(() => {
    for (const timer of leftovers.splice(0)) clearInterval(timer)
  })

  it.each(alone)('$fault is caught: $name', async (one) => {
    await expect(run(one.name, one.fault)).rejects.toThrow(one.message)
  })
})

describe('the kit', () => {
  it('has for every case a transport that fails it', () => {
    expect(Object.keys(catches).toSorted()).toEqual(transportCases.map(({ name }) => name).toSorted())
    expect(Object.values(catches).filter((caught) => Object.keys(caught).length === 0)).toEqual([])
  })

  it('catches every way of being broken', () => {
    expect([...new Set(runs.map(({ fault }) => fault))].toSorted()).toEqual(Object.keys(faults).toSorted())
  })

  it('names each case once', () => {
    expect(new Set(transportCases.map(({ name }) => name)).size).toBe(transportCases.length)
  })
})
