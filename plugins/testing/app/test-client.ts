import type { SubscribeOptions } from '../../../client/message-options.ts'
import type { Message, MessageDetails } from '../../../client/messages/subscription.ts'
import type { ClientOptions } from '../../../client/options.ts'
import type { Side } from '../../../client/typed.ts'
import type { Client } from '../../../client/types.ts'
import type { HasTopics, Known, ReceivedMessage, TopicsOf, UserOf } from '../../../core/contract/infer.ts'
import type { Params } from '../../../core/contract/topic-types.ts'
import type { Untyped } from '../../../core/protocol/protocol.ts'
import type { Inbox } from './inbox.ts'

/** Options of `connect`, besides those of `createClient` that do not concern the network. */
export interface ConnectOptions<C = Untyped>
  extends Omit<
    ClientOptions,
    'contract' | 'url' | 'path' | 'WebSocket' | 'transports' | 'upgrade' | 'autoConnect'
  > {
  /**
   * The user of the session. The app does not authenticate the client, and asks for no token. Authorizers and rules
   * decide as for any session of the user. There are no claims of a token: rules that read them need the option `token`.
   *
   * @default the app identifies the client by `token` and `params`
   */
  readonly user?: UserOf<C, 'input'> | undefined
}

type TypedMessages<C, As extends Side> = <Pattern extends string>(
  pattern: Known<TopicsOf<C>, Pattern>,
  options?: SubscribeOptions,
) => Promise<Inbox<ReceivedMessage<C, Pattern, As, MessageDetails<Params<Pattern>>>>>

type UntypedMessages = <P = unknown>(
  pattern: string,
  options?: SubscribeOptions,
) => Promise<Inbox<Message<P>>>

type Messages<C, As extends Side> = HasTopics<C> extends true ? TypedMessages<C, As> : UntypedMessages

/** A client of an app in the same process, for tests. */
export interface TestClient<C = Untyped, As extends Side = 'input'> extends Client<C, As> {
  /**
   * Subscribes and collects the messages. Resolves when the server has confirmed the subscription: no message that is
   * published after that is missing.
   *
   * @throws the server's refusal, also if a later attempt may succeed; `invalid_pattern`, `reserved_topic`, `client_closed`
   * @example
   * const inbox = await client.messages('rooms/42/messages')
   * await app.publish('rooms/42/messages', { text: 'hello' })
   * assert.deepEqual((await inbox.next()).payload, { text: 'hello' })
   */
  readonly messages: Messages<C, As>
  /**
   * Ends the connection without a close frame, as a failure of the network does. The client reconnects after its usual
   * wait, or at once after `connect()`.
   *
   * @example
   * client.dropConnection()
   * client.connect()
   * await client.ready()
   */
  dropConnection(): void
  /** As `close`, for `using`. */
  [Symbol.dispose](): void
}
