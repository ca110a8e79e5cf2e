import { Auth, type AuthOptions, auth } from 'rookery/auth'
import { rooms } from 'rookery/rooms'
import { socketio } from 'rookery/socketio'
import { sse } from 'rookery/sse'
import { MemoryCluster } from 'rookery/testing'
import { io, type Socket } from 'socket.io-client'
import { onTestFinished } from 'vitest'
import type { ClientOptions } from 'ws'
import { startApp, type TestApp, type TestAppOptions } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { SECRET } from '../unit/auth/support.ts'

export { makeToken, now, SECRET } from '../unit/auth/support.ts'

export interface AuthApp extends TestApp {
  readonly auth: Auth
}

/** An app whose peers need a token, over all transports. */
export const startAuth = async (
  options: Partial<AuthOptions> = {},
  { plugins = [], prepare, ...more }: TestAppOptions = {},
): Promise<AuthApp> => {
  const jwt = options.authenticate ? {} : { jwt: { secret: SECRET } }
  const started = await startApp({
    ...more,
    plugins: [auth({ ...jwt, ...options }), rooms(), sse(), socketio(), ...plugins],
    prepare: (app) => {
      app.handle('echo', (_ctx, payload) => payload)
      app.handle('whoami', ({ session }) => session.user)
      prepare?.(app)
    },
  })
  return { ...started, auth: started.app.scope.get(Auth) }
}

/** Apps that act as one. */
export const startAuthNodes = async (count: number, options: Partial<AuthOptions> = {}) => {
  const cluster = new MemoryCluster()
  const nodes: AuthApp[] = []
  while (nodes.length < count) nodes.push(await startAuth(options, { plugins: [cluster.plugin()] }))
  return { cluster, nodes }
}

export const bearer = (token: string): ClientOptions => ({ headers: { authorization: `Bearer ${token}` } })

/** A WebSocket peer that shows its token in a header. */
export const connect = (url: string, token: string, query = ''): Promise<BareClient> =>
  connectBare(url, query, bearer(token))

/** The code with which a WebSocket peer is refused. */
export const refusal = async (url: string, options: ClientOptions = {}, query = ''): Promise<string> =>
  (await new BareClient(`${url}/api/v1/ws${query}`, options).untilClosed()).reason

/** An unchanged Socket.IO client: its session's user, or the error that it got. */
export const connectSocketIo = (
  url: string,
  auth: object,
  options: object = {},
): Promise<{ socket: Socket; user?: unknown; code?: string }> => {
  const socket = io(url, { auth, reconnection: false, forceNew: true, ...options })
  onTestFinished(() => void socket.close())
  return new Promise((resolve) => {
    socket.on('$welcome', ({ user }) => resolve({ socket, user }))
    socket.on('connect_error', (error: Error & { data?: { code: string } }) =>
      resolve({ socket, code: error.data?.code ?? error.message }),
    )
  })
}
