import type { ClusterMessage } from 'rookery'
import type { ClusterFault } from './conformance-cluster.ts'

/** A backend that replaces each message by the messages that `change` returns. */
const passing = (change: (message: ClusterMessage) => readonly ClusterMessage[]): ClusterFault => ({
  backend: (backend) => ({
    publish: (message) => {
      for (const one of change(message)) backend.publish(one)
    },
  }),
})

/** Passes on the first added and the first removed reference of a key. Does not count the references in between. */
const uncounted = (pass: (key: readonly unknown[], wanted: boolean) => void) => {
  const wants = new Set<string>()
  return (...key: readonly unknown[]) => {
    const wanted = key.at(-1) as boolean
    const name = JSON.stringify(key.slice(0, -1))
    if (wants.has(name) === wanted) return
    if (wanted) wants.add(name)
    else wants.delete(name)
    pass(key, wanted)
  }
}

const latest = (): ClusterFault => {
  const topics: string[] = []
  return passing((message) => {
    topics.push(...message.topics)
    return [{ ...message, topics: [...new Set([...message.topics, ...topics.slice(-20)])] }]
  })
}

/** Faults in membership and in the delivery of messages. */
export const messageFaults = {
  // membership
  'does not wait for the other nodes at start': () => {
    let nodes: () => readonly string[] = () => []
    return {
      backend: (backend) => ({
        start: async (host) => {
          setTimeout(() => (nodes = () => backend.nodes), 50)
          await backend.start(host)
        },
        get nodes() {
          return nodes()
        },
      }),
    }
  },
  'does not report nodes that join': () => ({
    host: (host) => ({ changed: (node, change) => change === 'joined' || host.changed(node, change) }),
  }),
  'does not report nodes that leave': () => ({
    host: (host) => ({ changed: (node, change) => change === 'left' || host.changed(node, change) }),
  }),
  'reports every change twice': () => ({
    host: (host) => ({
      changed: (node, change) => [1, 2].forEach(() => void host.changed(node, change)),
    }),
  }),
  'has a dash in its id': () => ({
    backend: (backend) => ({
      get node() {
        return `${backend.node}-1`
      },
    }),
  }),
  'knows only one other node': () => ({
    backend: (backend) => ({
      get nodes() {
        return backend.nodes.slice(0, 1)
      },
    }),
  }),
  // messages
  'drops null payloads': () =>
    passing((message) => [{ ...message, payload: message.payload === 'null' ? undefined : message.payload }]),
  'writes Latin-1': () =>
    passing((message) => [
      { ...message, payload: message.payload && Buffer.from(message.payload, 'latin1').toString() },
    ]),
  'treats dots as slashes': () =>
    passing((message) => [
      {
        ...message,
        topics: message.topics.map((topic) => topic.split('.').filter(Boolean).join('/') || '-'),
      },
    ]),
  'drops all topics but the first': () =>
    passing((message) => [{ ...message, topics: message.topics.slice(0, 1) }]),
  'delivers once for each topic': () => passing((message) => message.topics.map(() => ({ ...message }))),
  'delivers twice': () => passing((message) => [message, { ...message }]),
  'drops every 20th message': () => {
    let count = 0
    return passing((message) => (++count % 20 ? [message] : []))
  },
  'reorders messages': () => {
    let held: ClusterMessage | undefined
    return passing((message) => {
      if (message.topic.startsWith('conformance/')) return [message]
      const pair = held ? [message, held] : []
      held = held ? undefined : message
      return pair
    })
  },
  'delays messages with several topics': () => ({
    backend: (backend) => ({
      publish: (message) => {
        if (message.topics.length > 1) setTimeout(() => backend.publish(message), 5)
        else backend.publish(message)
      },
    }),
  }),
  'delivers messages on the publishing node': () => ({
    backend: (backend, host) => ({
      publish: (message) => {
        backend.publish(message)
        host()?.deliver(message, backend.node)
      },
    }),
  }),
  'adds topics of earlier messages': latest,
  'ignores except': () => passing((message) => [{ ...message, except: null }]),
  'sends internal events to sessions': () => ({
    backend: (backend) => ({
      emit: (event) => {
        const { topics, payload, client } = event
        const [topic = ''] = topics
        const message = { topics, topic, payload: JSON.stringify(payload), except: null, kind: null }
        if (!client) backend.publish(message)
        return backend.emit(event)
      },
    }),
  }),
  'removes $ from topics': () =>
    passing((message) => [
      {
        ...message,
        topics: [...message.topics, ...message.topics.map((topic) => topic.replaceAll('$', ''))],
      },
    ]),
  'does not count interest': () => ({
    backend: (backend) => ({
      interest: uncounted(([pattern], wanted) => backend.interest(pattern as string, wanted)),
    }),
  }),
  'says too early that other nodes know the interest': () => ({
    backend: (backend) => ({
      interest: (pattern, wanted) => {
        setTimeout(() => backend.interest(pattern, wanted), 50)
      },
    }),
  }),
  'does not count listeners': () => ({
    backend: (backend) => ({
      listen: uncounted(([pattern, group], wanted) =>
        backend.listen(pattern as string, group as string | null, wanted),
      ),
    }),
  }),
  'drops the kind of messages': () => passing((message) => [{ ...message, kind: null }]),
  'drops the note of messages': () => passing(({ note: _note, ...message }) => [message]),
} satisfies Record<string, () => ClusterFault>
