import {
  type App,
  AppToken,
  createApp,
  createToken,
  definePlugin,
  Logger,
  type Plugin,
  RookeryError,
  type Scope,
  Sessions,
  type Token,
  type Transport,
  Transports,
  type topicMatches,
} from 'rookery'
import { asyncapi } from 'rookery/asyncapi'
import { defineContract } from 'rookery/contract'
import { di, inject, injectable } from 'rookery/di'
import { HttpServer, http } from 'rookery/http'
import { type MemberList, Rooms, rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { holds, type Same } from './support.ts'

class Metrics {
  constructor(readonly log: Logger) {}
}
const MetricsToken = createToken<Metrics>('Metrics', "metrics() from 'rookery/metrics'")

// ---- a plugin

const metrics = definePlugin({
  name: 'metrics',
  requires: [HttpServer],
  setup(scope) {
    holds<Same<typeof scope, Scope>>()
    scope.provide(MetricsToken, () => new Metrics(scope.get(Logger)))
  },
  async start(scope) {
    const found = scope.get(MetricsToken)
    holds<Same<typeof found, Metrics>>()
    holds<Same<ReturnType<typeof scope.has>, boolean>>()
  },
  stop() {},
})
createApp({ plugins: [metrics, http(), websocket(), rooms(), di({ providers: [] })] })
// definePlugin keeps the types of additional members.
export const count: number = definePlugin({ name: 'counter', count: 1 }).count

// @ts-expect-error: a plugin has a name
definePlugin({ setup() {} })
// @ts-expect-error: requirements are tokens, not names
definePlugin({ name: 'x', requires: ['HttpServer'] })
// @ts-expect-error: start is a function
definePlugin({ name: 'x', start: 'now' })
definePlugin({
  name: 'x',
  setup(scope) {
    // @ts-expect-error: the value does not have the type of the token
    scope.provide(MetricsToken, () => 'metrics')
    // @ts-expect-error: provide takes a factory, which runs at the first get
    scope.provide(MetricsToken, new Metrics(scope.get(Logger)))
    // @ts-expect-error: a class is not a token
    scope.get(Metrics)
  },
})
// @ts-expect-error: createApp has no such option
createApp({ pluggins: [] })
// @ts-expect-error: a plugin is an object, not a name
createApp({ plugins: ['http'] })
// @ts-expect-error: there is no such log level
createApp({ logger: 'verbose' })
// @ts-expect-error: there is no such unit
createApp({ pingInterval: '25 seconds' })
// @ts-expect-error: the plugin has no such option
http({ prot: 3000 })
// @ts-expect-error: the plugin has no such option
rooms({ members: 'many' })
const contract = defineContract({})
asyncapi({ contract, path: false, info: { title: 'Chat' }, servers: { main: 'wss://example.com' } })
// @ts-expect-error: a path is a text, or false
asyncapi({ contract, page: true })
createApp({ pingInterval: '25s', handlerTimeout: 500, logger: 'silent', limits: { maxPayload: 1 } })

// ---- tokens and their values

declare const scope: Scope
holds<Same<ReturnType<typeof scope.get<App>>, App>>()
const app = scope.get(AppToken)
holds<Same<typeof app, App>>()
holds<Same<typeof HttpServer, Token<HttpServer>>>()
const sessions: Sessions = scope.get(Sessions)
for (const session of sessions) holds<Same<typeof session.id, string>>()
const members = scope.get(Rooms).members('42')
holds<Same<typeof members, Promise<MemberList>>>()
// @ts-expect-error: tokens of different types are not assignable
export const wrong: Token<string> = createToken<number>('Number')

// ---- a transport

export const pigeons = (): Plugin => {
  const transport: Transport = {
    name: 'pigeon',
    async start(host) {
      const handshake = { transport: 'pigeon', address: 'loft', headers: {}, query: new URLSearchParams() }
      const session = await host.open(handshake, {
        write: (frames) => frames.map((frame) => frame.text),
        buffered: 0,
        close: () => {},
        terminate: () => {},
      })
      session.receive('{"topic":"coo"}')
      // @ts-expect-error: a wire needs a write method
      await host.open(handshake, { buffered: 0, close: () => {}, terminate: () => {} })
    },
    async stop() {},
  }
  return definePlugin({ name: 'pigeons', setup: (scope) => scope.get(Transports).add(transport) })
}

// ---- injected classes

@injectable()
class Greeter {
  constructor(@inject(Logger) readonly log: Logger) {}
}
const GreeterToken = createToken<Greeter>('Greeter')
di({ providers: [{ token: GreeterToken, useClass: Greeter }] })
// @ts-expect-error: the token of the class is missing
di({ providers: [Greeter] })

// ---- the rest of what rookery exports

holds<Same<ReturnType<typeof topicMatches>, boolean>>()
const error = new RookeryError('sold_out', 'No tickets left')
holds<Same<typeof error.status, number>>()
// A code may be any string. The editor suggests the codes of Rookery.
new RookeryError('not_in_room')
// @ts-expect-error: the code is read-only
error.code = 'other'
// @ts-expect-error: a code is a string
new RookeryError(404)

// ---- options from the environment, which may be undefined

http({ hostname: process.env.HOST, server: undefined })
createApp({ slowConsumer: undefined, limits: { maxPayload: undefined }, bus: { listenerTimeout: undefined } })
