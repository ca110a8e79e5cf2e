import type { SubscribeOptions } from '../../../client/message-options.ts'
import { startClient } from '../../../client/start-client.ts'
import type { Client } from '../../../client/types.ts'
import type { App } from '../../../core/app/app.ts'
import type { Untyped, User } from '../../../core/protocol/protocol.ts'
import { TransportHost } from '../../../core/sessions/transport.ts'
import { checkOptions, type OptionCheck } from '../../../core/util/options.ts'
import { InProcessTransport } from './in-process.ts'
import { MessageInbox } from './inbox.ts'
import type { ConnectOptions, TestClient } from './test-client.ts'

/** The client wants a URL. Nothing resolves it. */
const ORIGIN = 'http://in-process.invalid'

const isUser: OptionCheck = (value) => {
  const { id, name } = (value ?? {}) as Record<string, unknown>
  return typeof id === 'string' && typeof name === 'string' ? undefined : 'a user with an id and a name'
}

interface Connect {
  /** With a contract that validates: the client gets what its schemas return. */
  <C extends object>(
    app: App<C>,
    options: ConnectOptions<C> & { readonly contract: C },
  ): Promise<TestClient<C, 'output'>>
  <C = Untyped>(app: App<C>, options?: ConnectOptions<C>): Promise<TestClient<C>>
}

/**
 * Connects a client to an app in the same process, without a port. Starts the app if it has not been started. The client
 * is the one of `rookery/client`, and the app handles its session as any other.
 *
 * The client closes when the app stops.
 *
 * @throws the error with which the app refuses the client, also if a later attempt may succeed; the error of `app.start()`;
 * `invalid_option`; `app_stopped`
 * @example
 * const client = await connect(app, { user: { id: 'u1', name: 'Ada' } })
 * assert.deepEqual(await client.call('chat/send', { text: 'hello' }), { sent: true })
 */
export const connect: Connect = async <C>(
  app: App<C>,
  options: ConnectOptions<C> = {},
): Promise<TestClient<C, never>> => {
  const { user, ...more } = options
  checkOptions('connect()', { user }, { user: isUser })
  await app.start()
  const transport = new InProcessTransport(app.scope.get(TransportHost), user as User | undefined)
  const settings = { ...more, url: ORIGIN, autoConnect: true }
  const client: Client = startClient(settings, { transports: () => [transport] })
  await opened(client)
  client.on('state', () => {
    if (app.state === 'stopping' || app.state === 'stopped') client.close()
  })
  const messages = async (pattern: string, subscribeOptions: SubscribeOptions = {}) => {
    const inbox = new MessageInbox(client, pattern, subscribeOptions, () => transport.received)
    await inbox.confirmed()
    return inbox
  }
  return Object.assign(client, {
    messages,
    dropConnection: () => transport.drop(),
    [Symbol.dispose]: () => client.close(),
  }) as unknown as TestClient<C, never>
}

/** Resolves when the client is open. Closes it after a first attempt that has failed. */
const opened = async (client: Client): Promise<void> => {
  const refused = new Promise<never>((_resolve, reject) => {
    client.on('state', (_state, { error }) => error && reject(error))
  })
  try {
    await Promise.race([client.ready(), refused])
  } catch (error) {
    client.close()
    throw error
  }
}
