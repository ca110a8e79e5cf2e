import type { ReactElement } from 'react'
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
  UserOf,
} from '../../core/contract/infer.ts'
import type { Params } from '../../core/contract/topic-types.ts'
import type { CallOptions } from '../message-options.ts'
import type { Room } from '../messages/room.ts'
import type { Message, MessageDetails } from '../messages/subscription.ts'
import type { CallSnapshot } from '../store/call-store.ts'
import type { ConnectionSnapshot } from '../store/connection-store.ts'
import type { HandleStatus } from '../store/handle-store.ts'
import type { RoomSnapshot } from '../store/room-store.ts'
import type { LoadContext } from '../store/topic-store.ts'
import type { Side } from '../typed.ts'
import type { Client } from '../types.ts'
import type { ProviderProps } from './provider.ts'

export interface TopicResult<Data> {
  /** What `select` takes of the state. Kept while the connection is lost. */
  readonly data: Data
  /**
   * - `pending`: the server has not confirmed the subscription yet, or not yet again, or `load` has not resolved yet
   * - `active`: `data` is up to date
   * - `failed`: the server refused the subscription, `load` rejected, or the client is closed
   */
  readonly status: HandleStatus
  /** Why the status is `failed`, or why the client asks the server again. */
  readonly error?: Error | undefined
  /** Loads again, and subscribes again if the server has refused.*/
  readonly reload: () => void
}

interface BaseOptions<State, Selected> {
  /**
   * What the component takes of the state. It renders again only if that changes.
   *
   * @default the whole state
   */
  readonly select?: (state: State) => Selected
  /** Whether two results of `select` count as the same. @default Object.is */
  readonly isEqual?: (one: Selected, other: Selected) => boolean
  /**
   * Components with the same topic and the same key share one state: it is loaded and reduced once, and is kept for the
   * linger. They are to pass the same `initial`, `load` and `reduce`.
   *
   * @default a state for each component
   */
  readonly key?: string | undefined
  /** As in `client.subscribe`: whether to ask nothing of the server. @default false */
  readonly local?: boolean | undefined
}

type Load<State> = (context: LoadContext) => State | Promise<State>
type Reduce<State, Payload, Msg, Next = State> = (state: State, payload: Payload, message: Msg) => Next

/** The state is the last payload. */
export interface LastOptions<Payload, Initial, Selected> extends BaseOptions<Payload | Initial, Selected> {
  readonly initial?: Initial
  readonly load?: Load<Payload>
  readonly reduce?: undefined
}

/** The state begins with `initial`. */
export interface InitialOptions<State, Payload, Msg, Selected> extends BaseOptions<State, Selected> {
  readonly initial: State
  readonly load?: Load<State>
  readonly reduce: Reduce<State, Payload, Msg>
}

/** The state is undefined until it is loaded. */
export interface LoadOptions<State, Payload, Msg, Selected> extends BaseOptions<State | undefined, Selected> {
  readonly initial?: undefined
  readonly load: Load<State>
  readonly reduce: Reduce<State, Payload, Msg>
}

type TypedMessage<C, Pattern extends string, As extends Side> = ReceivedMessage<
  C,
  Pattern,
  As,
  MessageDetails & { readonly params: Params<Pattern> }
>

interface TypedUseTopic<C, As extends Side> {
  <Pattern extends string, State, Selected = State>(
    pattern: Known<TopicsOf<C>, Pattern> | null,
    options: InitialOptions<State, Received<C, Pattern, As>, TypedMessage<C, Pattern, As>, Selected>,
  ): TopicResult<Selected>
  <Pattern extends string, State, Selected = State | undefined>(
    pattern: Known<TopicsOf<C>, Pattern> | null,
    options: LoadOptions<State, Received<C, Pattern, As>, TypedMessage<C, Pattern, As>, Selected>,
  ): TopicResult<Selected>
  <Pattern extends string, Initial = undefined, Selected = Received<C, Pattern, As> | Initial>(
    pattern: Known<TopicsOf<C>, Pattern> | null,
    options?: LastOptions<Received<C, Pattern, As>, Initial, Selected>,
  ): TopicResult<Selected>
}

/** Not an interface, since the declarations of the hooks without a contract spell it out. */
type UntypedUseTopic = {
  <State, Payload = unknown, Selected = State>(
    pattern: string | null,
    options: InitialOptions<State, Payload, Message<Payload>, Selected>,
  ): TopicResult<Selected>
  <State, Payload = unknown, Selected = State | undefined>(
    pattern: string | null,
    options: LoadOptions<State, Payload, Message<Payload>, Selected>,
  ): TopicResult<Selected>
  <Payload = unknown, Initial = undefined, Selected = Payload | Initial>(
    pattern: string | null,
    options?: LastOptions<Payload, Initial, Selected>,
  ): TopicResult<Selected>
}

type UseTopic<C, As extends Side> = HasTopics<C> extends true ? TypedUseTopic<C, As> : UntypedUseTopic

export interface CallResult<Payload extends readonly unknown[], Reply> extends Omit<CallSnapshot, 'call'> {
  /**
   * Makes the call. The promise is the one of `client.call`; you may ignore it, since `error` has its rejection. The
   * function is always the same one.
   */
  readonly call: (...payload: Payload) => Promise<Reply>
  /** The last reply. */
  readonly data: Reply | undefined
}

export interface UseCallOptions {
  /** Whether to abort the calls under way when the component is unmounted. @default false */
  readonly abortOnUnmount?: boolean | undefined
}

type TypedUseCall<C, As extends Side> = <Topic extends CallName<C>>(
  topic: Known<CallsOf<C>, Topic>,
  options?: UseCallOptions,
) => CallResult<PayloadArgs<CallInput<C, Topic>, [options?: CallOptions]>, CallReply<C, Topic, As>>

type UntypedUseCall = <Reply = unknown, Payload = unknown>(
  topic: string,
  options?: UseCallOptions,
) => CallResult<PayloadArgs<Payload, [options?: CallOptions]>, Reply>

type UseCall<C, As extends Side> = HasCalls<C> extends true ? TypedUseCall<C, As> : UntypedUseCall

export interface UseRoomOptions {
  /** Whether to list the members and to keep the list up to date. @default false */
  readonly members?: boolean | undefined
}

export interface RoomResult<C, As extends Side> extends Omit<RoomSnapshot, 'room'> {
  /** The handle on the room. Undefined before the first effect and on a server. The hook leaves the room. */
  readonly room?: Omit<Room<C, As>, 'leave'> | undefined
}

export interface ConnectionResult<C> extends ConnectionSnapshot {
  readonly user: UserOf<C> | null
}

/** The provider and the hooks, with the types of a contract. */
export interface Hooks<C, As extends Side = 'input'> {
  /** Gives the client to the hooks below it. */
  RookeryProvider(props: ProviderProps<Client<C, As>>): ReactElement

  /** Returns the client of the provider. */
  useClient(): Client<C, As>

  /**
   * Subscribes to a pattern while the component is mounted, and returns the state that follows from the messages. With null,
   * it subscribes to nothing and stays `pending`.
   *
   * The functions may be other ones on each render: the hook uses the latest ones, and does not subscribe again.
   *
   * @example
   * const { data, status } = useTopic('rooms/42/messages', {
   *   load: () => fetchMessages('42'),
   *   reduce: (list, message) => [...list, message].slice(-100),
   * })
   */
  readonly useTopic: UseTopic<C, As>

  /**
   * Makes calls, and returns the state of the last one.
   *
   * @example const { call, pending, error } = useCall('chat/send')
   */
  readonly useCall: UseCall<C, As>

  /**
   * Keeps the client in a room while the component is mounted.
   *
   * @example const { room, members } = useRoom('42', { members: true })
   */
  useRoom(name: string, options?: UseRoomOptions): RoomResult<C, As>

  /** Returns the state of the connection. */
  useConnection(): ConnectionResult<C>
}
