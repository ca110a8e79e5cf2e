import { describe, expect, test, vi } from 'vitest'
import { type ClientOptions, RookeryError } from '../../../client/index.ts'
import type { AuthFrame, ServerFrame } from '../../../core/protocol/protocol.ts'
import { clientOf, MemoryTransport, useFakeClock } from './support.ts'

const url = 'http://localhost:3000'
const settle = () => vi.advanceTimersByTimeAsync(0)
const lost = new RookeryError('disconnected')
const expiring: ServerFrame = { type: 'auth', expiresIn: 30_000 }

const refusal = (code: string, reconnectAfter: number | null): ServerFrame => ({
  type: 'close',
  error: { code, message: code },
  reconnectAfter,
})

useFakeClock()

/** A token function that returns `t1`, `t2`, … */
const numbered = () => {
  let last = 0
  return vi.fn(async () => `t${++last}`)
}

/** A token function whose calls the test settles. */
const byHand = () => {
  const waiting: ((token: string) => void)[] = []
  const token = vi.fn(() => new Promise<string>((resolve) => waiting.push(resolve)))
  return { token, give: (value: string) => waiting.shift()?.(value) }
}

const start = (options: ClientOptions, transports = [new MemoryTransport()]) => {
  const client = clientOf({ url, transports, reconnect: { min: 100, max: 1_000 }, ...options })
  const errors: RookeryError[] = []
  const states: unknown[] = []
  client.on('error', (error) => errors.push(error))
  client.on('state', (state, { error }) => states.push(error ? [state, error.code] : state))
  return { client, transport: transports[0]!, errors, states }
}

const open = async (options: ClientOptions) => {
  const started = start(options)
  await settle()
  expect(started.client.state).toBe('open')
  return started
}

const tokensOf = (transport: MemoryTransport) => transport.peers.map((peer) => peer.token())

const authFrames = ({ peer }: MemoryTransport) =>
  peer.frames.filter((frame): frame is AuthFrame => frame.type === 'auth')

describe('a token', () => {
  test('is passed to the transport', async () => {
    const { transport } = await open({ token: 'secret' })
    expect(tokensOf(transport)).toEqual(['secret'])
  })

  test.each([[null], [undefined], [''], [() => null], [async () => undefined]])(
    'is none where %o stands for it',
    async (token) => {
      const { transport } = await open({ token })
      expect(tokensOf(transport)).toEqual([undefined])
    },
  )

  test('that is neither a string nor a function is refused', () => {
    const token = 5 as unknown as string
    const error = expect.objectContaining({
      code: 'invalid_option',
      message: expect.stringContaining('token'),
    })
    expect(() => start({ token })).toThrow(error)
  })

  test('is requested from a function for every attempt', async () => {
    const { transport, client } = await open({ token: numbered() })
    transport.peer.close(lost)
    await vi.advanceTimersByTimeAsync(100)
    expect([client.state, tokensOf(transport)]).toEqual(['open', ['t1', 't2']])
  })

  test('is requested for a better transport, too', async () => {
    const [better, lesser] = [new MemoryTransport('better'), new MemoryTransport('lesser')]
    better.reachable = false
    lesser.obliging = true
    const options = { token: numbered(), upgrade: { min: 1_000, max: 1_000 } }
    const { client } = start(options, [better, lesser])
    await settle()
    expect([client.transport, tokensOf(lesser)]).toEqual(['lesser', ['t2']])
    better.reachable = better.obliging = true
    await vi.advanceTimersByTimeAsync(510)
    expect([client.transport, tokensOf(better)]).toEqual(['better', ['t1', 't3']])
  })
})

describe('a token function', () => {
  test.each<[string, () => never | Promise<string>]>([
    ['rejects', () => Promise.reject(new Error('no network'))],
    [
      'throws',
      () => {
        throw new Error('no network')
      },
    ],
  ])('that %s makes the attempt fail, and is called again after a wait', async (_how, fails) => {
    const token = vi.fn(async () => 'secret')
    token.mockImplementationOnce(fails)
    const { client, transport } = start({ token })
    const waiting = vi.fn()
    client.on('state', (state, { error, retryIn }) => state === 'waiting' && waiting(error, retryIn))
    await settle()
    const error = expect.objectContaining({ code: 'connection_failed', cause: new Error('no network') })
    expect(waiting.mock.calls).toEqual([[error, 50]])
    expect(transport.peers).toEqual([])
    await vi.advanceTimersByTimeAsync(50)
    expect([client.state, tokensOf(transport)]).toEqual(['open', ['secret']])
  })

  test('that returns no string makes the attempt fail', async () => {
    const { states } = start({ token: (() => ({ jwt: 'x' })) as never })
    await settle()
    expect(states).toEqual([['waiting', 'connection_failed']])
  })

  test('that fails does not make the client try another transport', async () => {
    const transports = [new MemoryTransport('first'), new MemoryTransport('second')]
    const token = vi.fn(async () => 'secret').mockRejectedValueOnce(new Error('no network'))
    const { client } = start({ token }, transports)
    await settle()
    expect([client.state, token.mock.calls.length]).toEqual(['waiting', 1])
    await vi.advanceTimersByTimeAsync(100)
    expect(client.transport).toBe('first')
  })

  test('may take connectTimeout even if another transport is left, and is called again after it', async () => {
    const { token, give } = byHand()
    const transports = [new MemoryTransport('first'), new MemoryTransport('second')]
    const { client, states } = start({ token, connectTimeout: 8_000 }, transports)
    await vi.advanceTimersByTimeAsync(7_999)
    expect([client.state, token.mock.calls.length]).toEqual(['connecting', 1])
    await vi.advanceTimersByTimeAsync(1)
    expect(states).toEqual([['waiting', 'connection_failed']])
    await vi.advanceTimersByTimeAsync(50)
    expect(token).toHaveBeenCalledTimes(2)
    give('too late')
    await settle()
    expect([client.state, transports[0]!.peers.length]).toEqual(['connecting', 0])
    give('secret')
    await settle()
    expect([client.transport, tokensOf(transports[0]!)]).toEqual(['first', ['secret']])
  })

  test('is asked anew after close(), since a pending call may be for the previous user', async () => {
    const answers: ((token: string) => void)[] = []
    const token = vi.fn(() => new Promise<string>((resolve) => answers.push(resolve)))
    const { client, transport } = start({ token })
    client.close()
    client.connect()
    expect(token).toHaveBeenCalledTimes(2)
    answers[1]!('of the new user')
    answers[0]!('of the previous user')
    await settle()
    expect([client.state, tokensOf(transport)]).toEqual(['open', ['of the new user']])
  })

  test('leaves no timer if the client is closed while it is pending', () => {
    start({ token: byHand().token }).client.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a server that asks for a new token', () => {
  test('gets one, and later requests carry it once the server has accepted it', async () => {
    const { transport, errors } = await open({ token: numbered() })
    transport.peer.message(expiring)
    await settle()
    const [frame] = authFrames(transport)
    expect(frame).toEqual({ type: 'auth', id: expect.any(Number), token: 't2' })
    expect(tokensOf(transport)).toEqual(['t1'])
    transport.peer.message({ type: 'reply', id: frame!.id as number, payload: { expiresIn: 60_000 } })
    await settle()
    expect([tokensOf(transport), errors]).toEqual([['t2'], []])
  })

  test('gets one token at a time, however often it asks, and whatever the client subscribes to', async () => {
    const { token, give } = byHand()
    const { client, transport } = start({ token })
    give('first')
    await settle()
    client.subscribe('a', () => {})
    client.subscribe('b', () => {})
    for (let times = 0; times < 3; times++) transport.peer.message(expiring)
    give('second')
    await settle()
    transport.peer.message(expiring)
    await settle()
    expect([token.mock.calls.length, authFrames(transport).length]).toEqual([2, 1])
    const id = authFrames(transport)[0]!.id as number
    transport.peer.message({ type: 'reply', id, payload: { expiresIn: 60_000 } })
    await settle()
    transport.peer.message(expiring)
    give('third')
    await settle()
    expect(authFrames(transport).map((frame) => frame.token)).toEqual(['second', 'third'])
  })

  test('and refuses it causes an error event, and the session goes on', async () => {
    const { client, transport, errors } = await open({ token: numbered() })
    transport.peer.message(expiring)
    await settle()
    const id = authFrames(transport)[0]!.id as number
    transport.peer.message({ type: 'reply', id, error: { code: 'invalid_token', message: 'No' } })
    await settle()
    expect(errors).toMatchObject([{ code: 'invalid_token', message: 'No' }])
    expect([client.state, tokensOf(transport)]).toEqual(['open', ['t1']])
  })

  test('gets none if the function fails: an error event gives the reason, and the session goes on', async () => {
    const token = vi.fn(async () => 'secret')
    const { client, transport, errors } = await open({ token })
    token.mockRejectedValueOnce(new Error('no network'))
    transport.peer.message(expiring)
    await settle()
    expect(errors).toMatchObject([{ code: 'connection_failed', cause: new Error('no network') }])
    expect([client.state, authFrames(transport)]).toEqual(['open', []])
  })

  test.each([['secret'], [undefined]])('gets no reply from a client with the token %o', async (token) => {
    const { client, transport, errors } = await open({ token })
    transport.peer.message(expiring)
    await settle()
    expect([client.state, transport.peer.frames, errors]).toEqual(['open', [], []])
  })

  test('causes no error event if it is lost before it replies', async () => {
    const { client, transport, errors } = await open({ token: numbered() })
    transport.peer.message(expiring)
    await settle()
    transport.peer.close(lost)
    await vi.advanceTimersByTimeAsync(100)
    expect([client.state, errors]).toEqual(['open', []])
  })
})

describe('a token that has expired', () => {
  test('is replaced in a new session if token is a function', async () => {
    const { client, transport, states, errors } = await open({ token: numbered() })
    transport.peer.message(refusal('token_expired', 40))
    await vi.advanceTimersByTimeAsync(40)
    expect(states.slice(1)).toEqual([['waiting', 'token_expired'], 'connecting', 'open'])
    expect([client.state, tokensOf(transport), errors]).toEqual(['open', ['t1', 't2'], []])
  })

  test.each([['secret'], [undefined]])('closes a client with the token %o', async (token) => {
    const { client, transport, states, errors } = await open({ token })
    const sub = client.subscribe('a', () => {})
    transport.peer.message(refusal('token_expired', 40))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(states.slice(1)).toEqual([['closed', 'token_expired']])
    expect(errors).toMatchObject([{ code: 'token_expired' }])
    expect([sub.state, transport.peers.length]).toEqual(['failed', 1])
  })

  test('closes such a client also if only the transport reports the code', async () => {
    const { transport, states } = await open({ token: 'secret' })
    transport.peer.close(new RookeryError('token_expired'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(states.slice(1)).toEqual([['closed', 'token_expired']])
  })

  test('is not replaced if the server refuses the client for good', async () => {
    const token = numbered()
    const { client, transport } = await open({ token })
    transport.peer.message(refusal('token_revoked', null))
    await vi.advanceTimersByTimeAsync(60_000)
    expect([client.state, token.mock.calls.length]).toEqual(['closed', 1])
  })
})

test('frames of an unknown type are ignored', async () => {
  const { client, transport, errors } = await open({})
  transport.peer.message({ type: 'novelty', more: 1 } as unknown as ServerFrame)
  expect([client.state, errors]).toEqual(['open', []])
})
