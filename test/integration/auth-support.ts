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

/** Starts an app that requires a token, with all transports. */
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

/** Starts several nodes of one cluster. */
export const startAuthNodes = async (count: number, options: Partial<AuthOptions> = {}) => {
  const cluster = new MemoryCluster()
  const nodes: AuthApp[] = []
  while (nodes.length < count) nodes.push(await startAuth(options, { plugins: [cluster.plugin()] }))
  return { cluster, nodes }
}

export const bearer = (token: string): ClientOptions => ({ headers: { authorization: `Bearer ${token}` } })

/** Connects a WebSocket client that presents its token in a header. */
export const connect = (url: string, token: string, query = ''): Promise<BareClient> =>
  connectBare(url, query, bearer(token))

/** Returns the error code with which a WebSocket client is refused. */
export const refusal = async (url: string, options: ClientOptions = {}, query = ''): Promise<string> =>
  (await new BareClient(`${url}/api/v1/ws${query}`, options).untilClosed()).reason

/** Connects an unchanged Socket.IO client. Resolves with its session's user, or with the code of its error. */
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
