import type { ClientDelivery } from '../bus/bus.ts'
import type { ClientMessage, Event } from '../bus/event.ts'
import type { ClusterBackend, ClusterMessage } from '../cluster/cluster.ts'
import { addressOf } from '../cluster/target.ts'
import type { ContractRules } from '../handlers/contract-rules.ts'
import { Frame, type MessageDetails, namedTopics } from '../protocol/frame.ts'
import type { FanOut } from '../sessions/fan-out.ts'
import type { KeptDelivery } from '../sessions/kept-delivery.ts'
import { assertTopic } from '../topics/topic.ts'

/** What the publisher needs of the app. */
export interface PublisherHost {
  readonly contract: ContractRules
  readonly fanOut: FanOut
  readonly kept: KeptDelivery
  readonly cluster: () => ClusterBackend | undefined
  /** Calls `act` now, or after the deliveries under way. */
  readonly inOrder: (act: () => void) => void
  /** The id that sessions of one client share, by the id of a session of this node. */
  readonly clientOf: (session: string) => string | undefined
  /** A promise for the application, which need not handle its rejection. */
  readonly reported: <T>(promise: Promise<T>, topic: string) => Promise<T>
}

/** Passes messages to the sessions of this node and to the other nodes, or to the history. */
export class Publisher {
  readonly #host: PublisherHost

  constructor(host: PublisherHost) {
    this.#host = host
  }

  /**
   * Encodes the message of an event now: the publisher may change the payload after this call.
   *
   * @param here whether a plugin has published the message on the other nodes. Such a message is not kept
   * @throws `unserializable`, `invalid_output`
   */
  toClients(event: Event, here: boolean): ClientDelivery {
    const { topics, client, except } = event
    const { topic, payload } = client as ClientMessage
    const { contract, kept } = this.#host
    if (!here) contract.checkPublished({ topics, topic, payload })
    if (!here && kept.history?.keeps(topics)) return this.#keep(event, client as ClientMessage)
    const frame = frameOf(topics, topic, payload)
    return { deliver: () => this.#deliver(topics, frame, except, here) }
  }

  /** Stores a message to a user. Returns false if the store is away and the message is to be sent without being kept. */
  async keepFor(user: { readonly user: string }, topic: string, payload: unknown): Promise<boolean> {
    assertTopic(topic)
    const topics = [addressOf(user)]
    const text = new Frame({ topic, payload }).payloadText
    const { history } = this.#host.kept
    return (await history?.append({ topics, topic, payload: text, except: null })) === true
  }

  /** Delivers a message of another node. */
  toSessions({ topics, topic, payload, except, isUnkept }: ClusterMessage): void {
    const details: MessageDetails = isUnkept ? { kept: false } : {}
    const frame = Frame.ofText(topic, payload, namedTopics(topic, topics), details)
    this.#host.inOrder(() => this.#host.fanOut.deliver(topics, frame, except))
  }

  #deliver(topics: readonly string[], frame: Frame, except: string | null, here: boolean): void {
    this.#host.fanOut.deliver(topics, frame, except)
    if (here) return
    const { topic, kept } = frame.message as ClientMessage & MessageDetails
    const message = { topics, topic, payload: frame.payloadText, except, kind: null }
    this.#host.cluster()?.publish(kept === false ? { ...message, isUnkept: true } : message)
  }

  /** Stores a message. The history delivers it on all nodes, this one included. */
  #keep({ topics, except, id }: Event, { topic, payload }: ClientMessage): ClientDelivery {
    const { kept, clientOf, reported, inOrder } = this.#host
    const text = frameOf(topics, topic, payload).payloadText
    const history = kept.history as NonNullable<KeptDelivery['history']>
    const store = async () => {
      // A client that reconnects has another session, and gets no message of its own all the same.
      const sender = except === null ? null : (clientOf(except) ?? except)
      const isKept = await history.append({ topics, topic, payload: text, except: sender }, id)
      if (isKept) return
      const frame = Frame.ofText(topic, text, namedTopics(topic, topics), { kept: false })
      inOrder(() => this.#deliver(topics, frame, except, false))
    }
    return { stored: reported(store(), topic) }
  }
}

const frameOf = (topics: readonly string[], topic: string, payload: unknown): Frame => {
  const named = namedTopics(topic, topics)
  const frame = new Frame(named ? { topic, payload, topics: named } : { topic, payload })
  void frame.text
  return frame
}
