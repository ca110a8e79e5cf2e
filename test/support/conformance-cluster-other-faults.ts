import {
  type Answer,
  type Answers,
  type ClusterBackend,
  type ClusterMessage,
  type Event,
  type Question,
  RookeryError,
} from 'rookery'
import type { ClusterFault } from './conformance-cluster.ts'

/** Timers that faults leave open. The test clears them. */
export const leftovers: NodeJS.Timeout[] = []

const hang = () => new Promise<never>(() => {})

const emitting = (change: (event: Event) => readonly Event[]): ClusterFault => ({
  backend: (backend) => ({
    emit: (event) => change(event).map((one) => backend.emit(one))[0] ?? false,
  }),
})

const asking = (ask: (question: Question, backend: ClusterBackend) => Promise<Answers>): ClusterFault => ({
  backend: (backend) => ({ ask: (question) => ask(question, backend) }),
})

/** A backend that changes the answers of other nodes. */
const answering = (change: (answer: Answer) => Answer): ClusterFault =>
  asking(async (question, backend) => {
    const { items, missing } = await backend.ask(question)
    return { items: items.map(change), missing }
  })

/** Faults in questions, in events for listeners, at cuts, and at start and stop. */
export const otherFaults = {
  // questions
  'returns only the first answer': () =>
    asking(async (question, backend) => {
      const { items, missing } = await backend.ask(question)
      return { items: items.slice(0, 1), missing }
    }),
  'finds only sessions of users': () =>
    asking((question, backend) =>
      backend.ask({ ...question, to: question.to.replace(/^\$(?!user)/, '$no-') }),
    ),
  'waits although there is no node to ask': () =>
    asking(async (question, backend) => {
      const answers = await backend.ask(question)
      if (answers.items.length === 0) await new Promise((resolve) => setTimeout(resolve, 1000))
      return answers
    }),
  'decodes addresses': () =>
    asking((question, backend) => backend.ask({ ...question, to: decodeURIComponent(question.to) })),
  'answers before it delivers': () => ({
    host: (host) => ({
      answer: (question, node) => {
        if (question.method !== 'send') return host.answer(question, node)
        setTimeout(() => host.answer(question, node), Math.random() * 20)
        return 1
      },
    }),
  }),
  'drops the payloads of questions': () =>
    asking(({ payload: _payload, ...question }, backend) => backend.ask(question)),
  'drops the errors of answers': () => answering(({ node, value = null }) => ({ node, value })),
  'invents an answer for a missing node': () =>
    asking(async (question, backend) => {
      const { items, missing } = await backend.ask(question)
      return { items: items.length > 0 ? items : [{ node: 'ghost', value: 1 }], missing }
    }),
  'does not await answers': () => ({
    host: (host) => ({
      answer: (question, node) => {
        const value = host.answer(question, node)
        return value instanceof Promise ? undefined : value
      },
    }),
  }),
  'also asks itself': () => ({
    backend: (backend, host) => ({
      ask: async (question) => {
        const { items, missing } = await backend.ask(question)
        if (question.to.startsWith('$node')) return { items, missing }
        return {
          items: [...items, { node: backend.node, value: await host()?.answer(question, backend.node) }],
          missing,
        }
      },
    }),
  }),
  'never lists missing nodes': () =>
    asking(async (question, backend) => ({ ...(await backend.ask(question)), missing: [] })),
  'waits for answers without a time limit': () =>
    asking(async (question, backend) => {
      const answers = await backend.ask(question)
      return answers.missing.length > 0 ? hang() : answers
    }),
  'gives concurrent questions the same answer': () => {
    let last: Promise<Answers> | undefined
    return asking((question, backend) => {
      last ??= backend.ask(question)
      setTimeout(() => (last = undefined), 1)
      return last
    })
  },
  // listeners
  'emits events on the publishing node': () => ({
    backend: (backend, host) => ({
      emit: (event) => {
        host()?.emit(event, null)
        return backend.emit(event)
      },
    }),
  }),
  'emits once for each topic': () => emitting((event) => event.topics.map(() => event)),
  'emits twice': () => emitting((event) => [event, event]),
  'drops the actor of events': () => emitting((event) => [{ ...event, actor: null }]),
  'drops the client message of events': () => emitting((event) => [{ ...event, client: null }]),
  'throws for events that JSON cannot express': () =>
    emitting((event) => [JSON.parse(JSON.stringify(event)) as Event]),
  'lets every node of a group handle an event': () => ({
    host: (host, { node }) => ({
      emit: (event, group) => host.emit(event, group?.slice(0, -node.length) ?? null),
    }),
    backend: (backend) => ({
      listen: (pattern, group, wanted) => backend.listen(pattern, group && group + backend.node, wanted),
    }),
  }),
  'lets the publishing node handle every group event, too': () => ({
    backend: (backend) => ({
      emit: (event) => {
        backend.emit(event)
        return false
      },
    }),
  }),
  'takes only 1,000 listeners': () => ({
    backend: (backend) => {
      let count = 0
      return {
        listen: (pattern, group, wanted) => {
          if (!wanted || ++count <= 1000) backend.listen(pattern, group, wanted)
        },
      }
    },
  }),
  'never removes listeners': () => ({
    backend: (backend) => ({
      listen: (pattern, group, wanted) => wanted && backend.listen(pattern, group, wanted),
    }),
  }),
  'claims that other nodes handle every event': () => ({
    backend: (backend) => ({
      emit: (event) => {
        backend.emit(event)
        return true
      },
    }),
  }),
  // cuts
  'waits for a lost connection before it asks': () =>
    asking((question, backend) => (backend.connected ? backend.ask(question) : hang())),
  'always reports a connection': () => ({
    backend: () => ({
      get connected() {
        return true
      },
    }),
  }),
  'ignores interest while it is cut off': () => ({
    backend: (backend) => ({
      interest: (pattern, wanted) =>
        (backend.connected || pattern.startsWith('$node')) && backend.interest(pattern, wanted),
    }),
  }),
  'delivers messages twice after a cut': () => {
    const kept: ClusterMessage[] = []
    return {
      backend: (backend) => ({
        publish: (message) => {
          if (backend.connected)
            for (const old of kept.splice(0)) for (let i = 0; i < 2; i++) backend.publish({ ...old })
          else kept.push(message)
          backend.publish(message)
        },
      }),
    }
  },
  'never reconnects': () => {
    let lost = false
    return {
      host: (host, backend) => ({
        connection: (connected, cause) => {
          lost ||= !connected
          host.connection(connected, cause)
          if (lost && connected) void backend.stop()
        },
      }),
    }
  },
  // start and stop
  'does not stop': () => ({ backend: () => ({ stop: async () => {} }) }),
  'gives up the events of a node that stops': () => {
    let draining = false
    return {
      backend: (backend) => ({
        drain: async () => {
          draining = true
          await backend.drain()
        },
      }),
      host: (host) => ({
        emit: (event, group) => {
          if (!draining) host.emit(event, group)
        },
      }),
    }
  },
  'throws after stop': () => ({
    backend: (backend) => ({
      publish: (message) => {
        if (!backend.connected) throw new RookeryError('cluster_unavailable')
        backend.publish(message)
      },
    }),
  }),
  'does not abort a start': () => ({
    backend: (backend) => ({
      start: async (host) => {
        await backend.start(host)
        if (backend.nodes.length > 0) await hang()
      },
    }),
  }),
  'leaves a timer': () => ({
    backend: (backend) => ({
      start: (host) => {
        leftovers.push(setInterval(() => {}, 60_000))
        return backend.start(host)
      },
    }),
  }),
} satisfies Record<string, () => ClusterFault>
