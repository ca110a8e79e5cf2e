import type { ServerFrame } from 'rookery'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import type { Peer } from 'rookery/testing/conformance'
import { onTestFinished, vi } from 'vitest'
import { startApp, type TestApp, type TestAppOptions } from './app.ts'
import { SocketIoPeer } from './conformance-socketio.ts'
import { SsePeer } from './conformance-sse.ts'
import { WebSocketPeer } from './conformance-websocket.ts'

type Params = Readonly<Record<string, string>>

const connectors: Readonly<Record<string, (url: string, params: Params) => Peer | Promise<Peer>>> = {
  websocket: (url, params) => WebSocketPeer.connect(url, { params }),
  sse: (url, params) => new SsePeer(url, { params }),
  socketio: (url, params) => new SocketIoPeer(url, { params }),
}

/** Names of the transports, for `describe.each`. */
export const TRANSPORTS = Object.keys(connectors)

/** Connects a peer by a transport. Disconnects it at the end of the test. */
export const connectBy = async (transport: string, url: string, params: Params = {}): Promise<Peer> => {
  const peer = await connectors[transport]!(url, params)
  onTestFinished(() => peer.abort())
  return peer
}

/** Connects and waits for `welcome`. */
export const welcomeBy = async (transport: string, url: string, params: Params = {}): Promise<Peer> => {
  const peer = await connectBy(transport, url, params)
  await until(peer, ({ type }) => type === 'welcome')
  return peer
}

/** Resolves with the first frame that fits, whether it has arrived already or arrives later. */
export const until = async <F extends ServerFrame>(
  peer: Peer,
  fits: (frame: ServerFrame) => boolean,
): Promise<F> =>
  await vi.waitFor(
    () => {
      const frame = peer.frames.find(fits)
      if (!frame) throw new Error(`no such frame yet among ${JSON.stringify(peer.frames).slice(0, 2000)}`)
      return frame as F
    },
    { interval: 5 },
  )

/** Resolves with the error code with which the connection ended. */
export const closedWith = async (peer: Peer): Promise<string | undefined> =>
  await vi.waitFor(
    () => {
      if (!peer.closed) throw new Error('still open')
      return peer.closed.code
    },
    { interval: 5 },
  )

let lastId = 0

/** Sends a frame. Resolves with the payload of the reply, or with the code of its error. */
export const ask = async (peer: Peer, frame: object): Promise<unknown> => {
  const id = 1000 + ++lastId
  void peer.send({ ...frame, id } as never)
  const reply = await until<Extract<ServerFrame, { type: 'reply' }>>(
    peer,
    (received) => received.type === 'reply' && received.id === id,
  )
  return reply.error ? reply.error.code : reply.payload
}

/** Starts an app with all three transports and a handler that echoes. */
export const startThree = ({ plugins = [], ...options }: TestAppOptions = {}): Promise<TestApp> =>
  startApp({
    ...options,
    plugins: [sse({ grace: 50, closeTimeout: 500 }), socketio({ closeTimeout: 500 }), ...plugins],
    prepare: (app) => {
      app.handle('echo', (_ctx, payload) => payload)
      options.prepare?.(app)
    },
  })
