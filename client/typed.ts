import type {
  CallInput,
  CallName,
  CallReply,
  CallsOf,
  HasCalls,
  HasTopics,
  Known,
  PayloadArgs,
  Received,
  ReceivedMessage,
  TopicsOf,
} from '../core/contract/infer.ts'
import type { Params } from '../core/contract/topic-types.ts'
import type { CallOptions, SendOptions, SubscribeOptions } from './message-options.ts'
import type { Listener, MessageDetails, Subscription } from './messages/subscription.ts'

/**
 * The side of the contract's schemas that listeners and callers get: `input` is on the wire, `output` is what validation
 * returns. A client that validates gets the output.
 */
export type Side = 'input' | 'output'

/** Called with each message of a pattern. `message.topic` tells the topics of the pattern apart. */
export type TypedListener<
  C,
  Pattern extends string,
  As extends Side = 'input',
  Full extends string = Pattern,
> = (
  payload: Received<C, Full, As>,
  message: ReceivedMessage<C, Full, As, MessageDetails<Params<Pattern>>>,
) => unknown

/** For a plain `string`, the caller may state the payload, as without a contract. */
type ListenerOf<C, Pattern extends string, As extends Side, Full extends string, P> = string extends Pattern
  ? Listener<P>
  : NoInfer<TypedListener<C, Pattern, As, Full>>

type TypedSubscribe<C, As extends Side> = <Pattern extends string, P = unknown>(
  pattern: Known<TopicsOf<C>, Pattern>,
  listener: ListenerOf<C, Pattern, As, Pattern, P>,
  options?: SubscribeOptions,
) => Subscription

type UntypedSubscribe = <P = unknown>(
  pattern: string,
  listener: Listener<P>,
  options?: SubscribeOptions,
) => Subscription

/** Subscribes to a pattern. With a contract, it accepts patterns of its topics. */
export type Subscribe<C, As extends Side> =
  HasTopics<C> extends true ? TypedSubscribe<C, As> : UntypedSubscribe

/** For a plain `string`, the caller may state the reply, as without a contract. */
type ReplyOf<C, Topic extends string, Full extends string, As extends Side, R> = string extends Topic
  ? R
  : CallReply<C, Full, As>

type TypedCall<C, As extends Side> = <Topic extends CallName<C>, R = unknown>(
  topic: Known<CallsOf<C>, Topic>,
  ...payload: PayloadArgs<NoInfer<CallInput<C, Topic>>, [options?: CallOptions]>
) => Promise<ReplyOf<C, Topic, Topic, As, R>>

type UntypedCall = <R = unknown>(topic: string, payload?: unknown, options?: CallOptions) => Promise<R>

/** Makes a call. With a contract, it accepts the calls of the contract. */
export type Call<C, As extends Side> = HasCalls<C> extends true ? TypedCall<C, As> : UntypedCall

type TypedSend<C> = <Topic extends CallName<C>>(
  topic: Known<CallsOf<C>, Topic>,
  ...payload: PayloadArgs<NoInfer<CallInput<C, Topic>>, [options?: SendOptions]>
) => void

type UntypedSend = (topic: string, payload?: unknown, options?: SendOptions) => void

/** Sends a message without a reply. With a contract, it accepts the calls of the contract. */
export type Send<C> = HasCalls<C> extends true ? TypedSend<C> : UntypedSend

/** A topic of a room, whose name the compiler does not know. */
type InRoom<Topic extends string> = string extends Topic ? string : `rooms/${string}/${Topic}`

/** Listens to a topic of a room. Events of `rooms()` are not in the contract, and have the type `unknown`. */
type TypedRoomOn<C, As extends Side> = <Topic extends string, P = unknown>(
  topic: Topic,
  listener: ListenerOf<C, Topic, As, InRoom<Topic>, P>,
) => () => void

export type RoomOn<C, As extends Side> =
  HasTopics<C> extends true
    ? TypedRoomOn<C, As>
    : <P = unknown>(topic: string, listener: Listener<P>) => () => void

type KnownInRoom<C, Topic extends string> = string extends Topic
  ? Topic
  : InRoom<Topic> extends Known<CallsOf<C>, InRoom<Topic>>
    ? Topic
    : Known<CallsOf<C>, InRoom<Topic>>

export type RoomSend<C> =
  HasCalls<C> extends true
    ? <Topic extends string>(
        topic: KnownInRoom<C, Topic>,
        ...payload: PayloadArgs<NoInfer<CallInput<C, InRoom<Topic>>>, [options?: SendOptions]>
      ) => void
    : UntypedSend

export type RoomCall<C, As extends Side> =
  HasCalls<C> extends true
    ? <Topic extends string, R = unknown>(
        topic: KnownInRoom<C, Topic>,
        ...payload: PayloadArgs<NoInfer<CallInput<C, InRoom<Topic>>>, [options?: CallOptions]>
      ) => Promise<ReplyOf<C, Topic, InRoom<Topic>, As, R>>
    : UntypedCall
