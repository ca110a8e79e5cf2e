import type { Bus } from '../bus/bus.ts'
import type { Listener, SubscribeOptions, Subscription } from '../bus/listener.ts'
import type { Sent } from '../cluster/addressing.ts'
import type { Target } from '../cluster/target.ts'
import type { HasTopics, Known, PayloadArgs, Published, TopicsOf } from '../contract/infer.ts'

type TypedSend<C> = <Topic extends string>(
  target: Target,
  topic: Known<TopicsOf<C>, Topic>,
  ...payload: PayloadArgs<NoInfer<Published<C, Topic>>>
) => Promise<Sent>

/** Sends a message to sessions. With a contract, it accepts the topics of the contract, with their payloads. */
export type Send<C> =
  HasTopics<C> extends true
    ? TypedSend<C>
    : (target: Target, topic: string, payload?: unknown) => Promise<Sent>

/** Listeners get payloads as they were published. Topics outside the contract are those of the server's own events. */
interface TypedBus<C> {
  subscribe<Pattern extends string>(
    pattern: Pattern,
    listener: NoInfer<Listener<Published<C, Pattern>>>,
    options?: SubscribeOptions,
  ): Subscription
}

/** The bus of an app. With a contract, listeners get the payloads of the topics that their pattern covers. */
export type BusOf<C> = HasTopics<C> extends true ? TypedBus<C> & Bus : Bus
