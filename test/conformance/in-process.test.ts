import { createToken, definePlugin, type ServerFrame, type TransportHost, Transports } from 'rookery'
import { type Peer, type PeerHandshake, transportConformance } from 'rookery/testing/conformance'
import { encodeFrame } from '../../client/transports/frames.ts'
import { InProcessTransport } from '../../plugins/testing/app/in-process.ts'

const Host = createToken<{ readonly current: TransportHost | undefined }>('Host')

/** Takes the app's host through a transport, so that the suite can watch it. */
const plugin = () => {
  let current: TransportHost | undefined
  return definePlugin({
    name: 'in-process',
    setup(scope) {
      scope.provide(Host, () => ({
        get current() {
          return current
        },
      }))
      scope.get(Transports).add({
        name: 'in-process',
        async start(host) {
          current = host
        },
        async stop() {
          current = undefined
        },
      })
    },
  })
}

/** The connection that `connect` of rookery/testing makes, without a client. */
const connectPeer = (host: TransportHost | undefined, { params, token }: PeerHandshake): Peer => {
  if (!host) throw new Error('The transport has stopped')
  const frames: ServerFrame[] = []
  let closed: Peer['closed']
  let muted = false
  const url = new URL('http://in-process.invalid')
  const connection = new InProcessTransport(host, undefined).connect(
    { url, params, token: () => token, timeout: 10_000 },
    {
      message: (frame) => {
        frames.push(frame)
        if (frame.type === 'ping' && !muted) connection.send([encodeFrame({ type: 'pong' })])
      },
      invalid: (error) => {
        throw error
      },
      close: ({ code }) => {
        closed = { code }
      },
    },
  )
  return {
    frames,
    get closed() {
      return closed
    },
    send: (frame) => connection.send([encodeFrame(frame)]),
    close: () => {
      connection.close()
      closed ??= {}
    },
    abort: () => {
      connection.abort()
      closed ??= {}
    },
    mute: () => {
      muted = true
    },
  }
}

transportConformance({
  name: 'in-process',
  plugin,
  connect: async (app, handshake) => connectPeer(app.scope.get(Host).current, handshake),
  missing: {
    earlyFrames: 'the client sends nothing before welcome',
    slowReader: 'frames reach the client at once, and nothing is buffered',
    absentPayload: 'the client writes null for an absent payload',
  },
})
