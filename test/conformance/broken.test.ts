import { afterEach, describe, expect, it } from 'vitest'
import { runTransportCase } from '../../plugins/testing/transport/transport-case.ts'
import { transportCases } from '../../plugins/testing/transport/transport-cases.ts'
import { readTransportOptions } from '../../plugins/testing/transport/transport-options.ts'
import { brokenBy, type FaultName, faults, leftovers } from '../support/conformance-faults.ts'
import { Memory, memory } from '../support/conformance-memory.ts'

/** For each case, the faults that it catches, with the expected failure message. */
const catches: Readonly<Record<string, Partial<Record<FaultName, RegExp>>>> = {
  'the first frame of a session is welcome, with protocol, session id and limits': {
    'does not send the welcome frame': /MUST get a welcome frame; the peer got no frame/,
  },
  'the app gets the query of the handshake exactly as the peer sent it': {
    'drops the query': /Handshake\.query MUST/,
  },
  'the app gets the token of the handshake': { 'drops the token': /Handshake\.token MUST/ },
  'the handshake has the transport name, the address of the peer, and header names in lower case': {
    'gives an empty address': /Handshake\.address MUST/,
    'gives a wrong transport name': /Handshake\.transport MUST/,
    'does not lower-case header names': /Handshake\.headers MUST/,
  },
  'each peer has the user of its own handshake and gets the messages to that user': {
    'uses the first handshake for every connection': /handshake MUST be that of its own connection/,
    'drops the query': /handshake MUST be that of its own connection/,
  },
  'a refused peer gets one frame: close, with the reason and reconnectAfter null': {
    'never closes': /MUST close its connection; the peer is still connected, and .*unauthenticated/,
    'does not send close frames':
      /a close frame with 'unauthenticated' MUST be the last frame; the peer got no frame/,
  },
  'a peer that is refused for a temporary reason gets a close frame with reconnectAfter': {
    'always sends reconnectAfter null': /close frame MUST arrive as it was written/,
  },
  'a handshake that exceeds its time limit ends the connection, and its late result is ignored': {
    'never closes': /MUST close its connection; the peer is still connected/,
  },
  'frames that a peer sends before its session is open are handled in order once it is open': {
    'drops frames that arrive before the session is open': /before open resolved MUST be passed on/,
  },
  'a subscription that a peer sends before its session is open takes effect once it is open': {
    'drops frames that arrive before the session is open': /a reply to 1 is expected; the peer got 1 frames/,
  },
  'a peer that disconnects before its session is open leaves no session': {
    'ignores disconnections before the session is open': /before open resolved; expected 1 sessions/,
  },
  'messages that the server sends while a session opens arrive after the welcome frame': {
    'sends messages before control frames': /keep the order/,
  },
  'all published messages arrive in order, each once': {
    'drops every third frame': /sent \d+, received \d+; the first 2 are correct/,
    'reorders frames': /the first 0 are correct, the next is/,
    'duplicates every tenth frame': /sent \d+, received \d+; the first 10 are correct/,
  },
  'all frames of a peer reach the handlers in order, each once': {
    'drops every tenth frame of peers': /sent 200, received 180; the first 9 are correct/,
    'duplicates every tenth frame of peers': /sent 200, received 220; the first 10 are correct/,
    'delays every tenth frame of peers': /passed to session\.receive, in order/,
  },
  'replies and messages to one session arrive in the order in which they were sent': {
    'sends control frames before messages': /MUST send all frames in order/,
  },
  'each call gets its own reply, in whatever order the handlers answer': {
    'cuts ids to one byte': /MUST have the id of its call/,
  },
  'a frame without an id gets no reply': {
    'adds an id to frames without one': /MUST be passed on without one/,
  },
  'a message arrives with all fields of its frame, such as topics and cursor': {
    'drops all fields but topic and payload': /with all its fields/,
  },
  'peers with different subscriptions each get their own messages of one turn of the event loop': {
    'caches batches by their first frame': /MUST write exactly the given frames/,
  },
  'changes to the array of frames after Wire.write have no effect': {
    'keeps the array of frames': /MUST NOT keep the array/,
  },
  'text arrives unchanged: line breaks, control characters, all of Unicode': {
    'writes Latin-1': /MUST arrive as it was written/,
  },
  'topics with any characters arrive unchanged': { 'writes Latin-1': /MUST arrive as it was written/ },
  'payloads of every JSON type arrive unchanged, empty ones included': {
    'drops falsy payloads': /expected null/,
  },
  'an absent payload stays absent': { 'sends null for an absent payload': /MUST arrive without one/ },
  'large payloads arrive unchanged in both directions': {
    'splits characters at the ends of chunks': /MUST arrive as it was written/,
    'drops frames above 64 KiB': /MUST arrive as it was written/,
  },
  'every message published after the reply to a subscription arrives': {
    'confirms subscriptions before the app knows them': /published after a subscription MUST arrive/,
  },
  'no message published after the reply to an unsubscription arrives': {
    'confirms unsubscriptions without telling the app':
      /unsubscribe frame MUST reach the app; sent 1, received 2/,
  },
  'the position of a session arrives in welcome, in the reply to a subscription, and in pings': {
    'drops the position of control frames': /MUST arrive with its position: expected undefined/,
    'sends no position in pings': /MUST arrive with its position; the peer got/,
  },
  'a kept message arrives with its position, and another message without one': {
    'drops all fields but topic and payload': /with all its fields/,
  },
  'a subscription with since gets its reply, then the replay, then its end, then live messages': {
    'drops the field since': /since MUST reach the app/,
    'sends control frames before messages': /MUST keep the order of a replay/,
    'reorders frames': /MUST arrive in order, each once/,
  },
  'a peer that has lost its connection gets what it has missed on another session': {
    'drops the field since': /end of a replay MUST arrive/,
    'does not send the end of a replay': /end of a replay MUST arrive/,
  },
  'a faulty frame with an id gets an error reply, and the session stays open': {
    'does not send error replies': /a reply to 1 is expected/,
  },
  'errors of handlers arrive with code, message, issues, data and retryable; internal errors arrive without details':
    {
      'sends only the code of an error': /error MUST arrive as it was written/,
    },
  'a faulty frame without an id gets an error frame, and the session stays open': {
    'does not send error frames': /MUST be answered with an error frame/,
  },
  'a frame of exactly maxPayload bytes is accepted': {
    'refuses frames above half of the limit': /payload_too_large/,
  },
  'a frame larger than maxPayload reaches no handler: the peer gets an error or is disconnected': {
    'ignores maxPayload': /MUST refuse frames larger than limits\.maxPayload bytes; a handler got the frame/,
  },
  'frames beyond the rate limit are refused, and a flooding peer is disconnected with rate_limited': {
    'never closes': /MUST end the connection of a flood/,
    'does not send close frames': /a close frame with 'rate_limited' MUST be the last frame/,
  },
  'a peer that does not read is disconnected with slow_consumer, and other peers are served': {
    'reports no buffered bytes': /MUST count the bytes .* the app noticed nothing/,
  },
  'under slowConsumer: drop, a peer that does not read misses messages and gets later ones in order': {
    'reports no buffered bytes': /none of 400 messages of 100 kB .* was dropped/,
  },
  'a peer that reads is never treated as slow, however many messages it gets': {
    'counts all bytes ever written as buffered': /a peer that reads got \d+ of \d+ messages/,
  },
  'a peer that stops answering pings is disconnected, and a peer that answers is not': {
    'claims to monitor its peers':
      /does not answer pings MUST be disconnected, and no other; expected 1 sessions.*"sessions":2/,
    'does not send pings':
      /MUST be disconnected, and no other; .*"sessions":0|A peer that answers pings MUST stay/,
    'never terminates': /Wire\.terminate MUST drop/,
  },
  'when the server closes a session, the peer gets the reason and reconnectAfter': {
    'does not send close frames': /a close frame with 'forbidden' MUST be the last frame/,
    'always sends reconnectAfter null': /close frame MUST arrive as it was written/,
  },
  'messages sent before a session is closed still arrive': {
    'closes before written frames are sent': /MUST send the written frames/,
  },
  'no frame arrives after the close frame, and calls to a closed wire do not throw': {
    'throws after close':
      /Wire\.write MUST NOT throw after close; right after close it threw Error: write after end/,
    'writes after close': /close frame with 'game_over' MUST be the last frame/,
  },
  'calls to a wire whose peer is gone do not throw': {
    'throws when its peer is gone': /Wire\.write MUST NOT throw after close; after the peer had left/,
  },
  'Wire.terminate drops the connection at once': { 'never terminates': /Wire\.terminate MUST drop/ },
  'a peer that closes its connection ends its session once, without an error': {
    'leaks the session': /disconnected\(\) MUST be called/,
    'reports a disconnection as an error': /without an error/,
  },
  'a peer that loses its connection ends its session once, without an error': {
    'leaks the session': /disconnected\(\) MUST be called/,
    'reports a disconnection as an error': /without an error/,
  },
  'a peer that disconnects during calls leaves no session, and the signals of its handlers abort': {
    'leaks the session': /disconnected\(\) MUST be called .*"patterns":3/,
  },
  'a peer that reconnects gets a new session without the old subscriptions': {
    'gives a reconnecting user the old session': /MUST get a welcome frame/,
  },
  'each connection of a user is a session of its own and ends on its own': {
    'ends all sessions of a user when one ends': /MUST end its session and no other/,
  },
  'a second app accepts peers after the first one has stopped': {
    'works for the first app only': /MUST get a welcome frame; the peer got 1 frames: .*shutting_down/,
  },
  'after many connections have ended in every way, no session, socket or timer is left': {
    'leaks the session': /disconnected\(\) MUST be called/,
    'leaves a timer for every connection':
      /MUST leave no socket and no timer; before: .*, more now: .*Timeout/,
  },
  'an app that stops delivers sent messages, tells each peer when to reconnect, and ends all connections': {
    'closes before written frames are sent': /a close frame with 'shutting_down' MUST be the last frame/,
    'never stops': /stop did not finish within/,
  },
  'an app stops in time although a peer does not read': {
    'waits without a time limit before it closes': /stop did not finish within/,
  },
  'an app stops in time although a handshake does not finish': {
    'never stops': /stop did not finish within/,
  },
  'a stopped transport accepts no connection': {
    'still listens after stop': /MUST accept no connection; a session was opened/,
  },
  'a stopped transport leaves no socket and no timer': {
    'leaves a timer when it stops': /MUST NOT leave a socket or timer open/,
  },
}

/** Milliseconds that a case waits for a condition. Most cases fail only after this time. */
const TIMEOUT_MS = 2000
/** Milliseconds for faults whose cases send 40 MB or count pings: on a busy machine these need more time. */
const LONG_TIMEOUT_MS = 10_000
const LONG: readonly FaultName[] = ['reports no buffered bytes', 'does not send pings']

/** Runs one case against a transport that is broken in one way. */
const run = async (name: string, fault: FaultName): Promise<void> => {
  const found = transportCases.find((testCase) => testCase.name === name)
  if (!found) throw new Error(`There is no case '${name}'`)
  const alter = brokenBy(fault)
  const settings = readTransportOptions({
    name: fault,
    plugin: () => memory(alter),
    connect: async (app, handshake) => app.scope.get(Memory).connect(handshake),
    timeout: LONG.includes(fault) ? LONG_TIMEOUT_MS : TIMEOUT_MS,
    seed: 1,
  })
  await runTransportCase(found, settings)
}

const runs = Object.entries(catches).flatMap(([name, caught]) =>
  Object.entries(caught).map(([fault, message]) => ({ name, fault: fault as FaultName, message })),
)
/** These runs count the timers of the whole process or keep the CPU busy, so they run one at a time. */
const alone = runs.filter(({ fault }) => fault.startsWith('leaves a timer') || LONG.includes(fault))

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

describe('the transport conformance kit', () => {
  it('catches at least one fault with every case', () => {
    expect(Object.keys(catches).toSorted()).toEqual(transportCases.map(({ name }) => name).toSorted())
    expect(Object.values(catches).filter((caught) => Object.keys(caught).length === 0)).toEqual([])
  })

  it('catches every fault', () => {
    expect([...new Set(runs.map(({ fault }) => fault))].toSorted()).toEqual(Object.keys(faults).toSorted())
  })

  it('has a different name for every case', () => {
    expect(new Set(transportCases.map(({ name }) => name)).size).toBe(transportCases.length)
  })
})
