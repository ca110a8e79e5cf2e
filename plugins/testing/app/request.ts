import type { Client } from '../../../client/types.ts'
import type { App } from '../../../core/app/app.ts'
import type {
  CallInput,
  CallReply,
  CallsOf,
  HasCalls,
  Known,
  PayloadArgs,
} from '../../../core/contract/infer.ts'
import type { Untyped } from '../../../core/protocol/protocol.ts'
import { connect } from './connect.ts'
import type { ConnectOptions } from './test-client.ts'

type RequestTopic<C, Topic extends string> = HasCalls<C> extends true ? Known<CallsOf<C>, Topic> : Topic

type RequestArgs<C, Topic extends string> =
  HasCalls<C> extends true
    ? PayloadArgs<CallInput<C, Topic>, [options?: ConnectOptions<C>]>
    : [payload?: unknown, options?: ConnectOptions<C>]

// biome-ignore lint/suspicious/noExplicitAny: without a contract, the test knows the type of the reply
type RequestReply<C, Topic extends string> = HasCalls<C> extends true ? CallReply<C, Topic> : any

/**
 * Makes one call, with a client of its own: connects, calls and closes. Starts the app if it has not been started.
 *
 * @throws the errors of `connect` and of `client.call`
 * @example assert.deepEqual(await request(app, 'chat/send', { text: 'hello' }, { user: ada }), { sent: true })
 */
export const request = async <Topic extends string, C = Untyped>(
  app: App<C>,
  topic: RequestTopic<C, Topic>,
  ...args: RequestArgs<C, Topic>
): Promise<RequestReply<C, Topic>> => {
  const [payload, options] = args as [payload?: unknown, options?: ConnectOptions<C>]
  const client = await connect(app, options)
  try {
    return await (client as Client).call(topic as string, payload)
  } finally {
    client.close()
  }
}
