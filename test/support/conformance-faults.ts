import { type Frame, type PeerSession, RookeryError } from 'rookery'
import {
  addFault,
  changing,
  type Fault,
  reading,
  writing,
  writingOnly,
  writingText,
} from './conformance-broken.ts'

/** Timers that faults leave open. The test clears them. */
export const leftovers: NodeJS.Timeout[] = []

const leaveTimer = () => leftovers.push(setInterval(() => {}, 60_000))

/** Returns a function that is true at every nth call. */
const every = (nth: number) => {
  let count = 0
  return () => ++count % nth === 0
}

const isControl = ({ message }: Frame) => message.type !== undefined

/** Caches batches by their first frame, so that batches with the same first frame are confused. */
const cacheByFirst = (): Fault => {
  const batches = new Map<Frame | undefined, readonly Frame[]>()
  return writing((frames) => {
    const batch = batches.get(frames[0]) ?? [...frames]
    batches.set(frames[0], batch)
    return batch
  })
}

/** Decodes each chunk of bytes on its own, which splits characters between chunks. */
const chunkwise = (text: string): string => {
  const bytes = Buffer.from(text)
  let read = ''
  for (let at = 0; at < bytes.length; at += 16_384) read += bytes.subarray(at, at + 16_384).toString()
  return read
}

/** A wire that throws after its session has ended. */
const throwAfterEnd = (): Fault => {
  let gone = false
  const check = (act: () => void) => {
    if (gone) throw new Error('write after end')
    act()
  }
  return {
    wire: (wire) => ({
      write: (frames) => check(() => wire.write(frames)),
      close: () => check(() => wire.close()),
    }),
    session: (session) => ({
      disconnected: () => {
        session.disconnected()
        gone = true
      },
    }),
  }
}

const sessionsByUser = () => {
  const sessions = new Map<string, PeerSession[]>()
  return (name: string | null) => {
    const known = sessions.get(name ?? '') ?? []
    sessions.set(name ?? '', known)
    return known
  }
}

/** The faults by name. Each call creates a new fault with its own state. */
export const faults = {
  'does not send the welcome frame': () => writingOnly(({ message }) => message.type !== 'welcome'),
  'drops the query': () => ({ handshake: (said) => ({ ...said, query: new URLSearchParams() }) }),
  'drops the token': () => ({ handshake: ({ token: _, ...said }) => said }),
  'gives an empty address': () => ({ handshake: (said) => ({ ...said, address: '' }) }),
  'gives a wrong transport name': () => ({ handshake: (said) => ({ ...said, transport: 'tcp' }) }),
  'does not lower-case header names': () => ({
    handshake: (said) => ({ ...said, headers: { 'User-Agent': 'x' } }),
  }),
  'uses the first handshake for every connection': () => {
    let first: Parameters<NonNullable<Fault['handshake']>>[0] | undefined
    return { handshake: (said) => (first ??= said) }
  },
  'never closes': () => ({ wire: () => ({ close: () => {} }) }),
  'never terminates': () => ({ wire: () => ({ terminate: () => {} }) }),
  'does not send close frames': () => writingOnly(({ message }) => message.type !== 'close'),
  'always sends reconnectAfter null': () =>
    changing((frame) => {
      if (frame.type === 'close') frame.reconnectAfter = null
    }),
  'drops frames that arrive before the session is open': () => ({
    session: (session) => {
      let young = true
      setImmediate(() => {
        young = false
      })
      return { receive: (frame) => void (young || session.receive(frame)) }
    },
  }),
  'ignores disconnections before the session is open': () => ({
    session: (session) => {
      let young = true
      setImmediate(() => {
        young = false
      })
      return { disconnected: () => void (young || session.disconnected()) }
    },
  }),

  'drops every third frame': () => {
    const third = every(3)
    return writingOnly((frame) => isControl(frame) || !third())
  },
  'reorders frames': () => writing((frames) => (frames.some(isControl) ? frames : frames.toReversed())),
  'duplicates every tenth frame': () => {
    const tenth = every(10)
    return writing((frames) =>
      frames.flatMap((frame) => (!isControl(frame) && tenth() ? [frame, frame] : [frame])),
    )
  },
  'sends messages before control frames': () =>
    writing((frames) => frames.toSorted((a, b) => Number(isControl(a)) - Number(isControl(b)))),
  'sends control frames before messages': () =>
    writing((frames) => frames.toSorted((a, b) => Number(isControl(b)) - Number(isControl(a)))),
  'drops every tenth frame of peers': () => {
    const tenth = every(10)
    return reading((frame, pass) => tenth() || pass(frame))
  },
  'duplicates every tenth frame of peers': () => {
    const tenth = every(10)
    return reading((frame, pass) => {
      pass(frame)
      if (tenth()) pass(frame)
    })
  },
  'delays every tenth frame of peers': () => {
    const tenth = every(10)
    return reading((frame, pass) => void (tenth() ? setTimeout(() => pass(frame), 5) : pass(frame)))
  },
  'cuts ids to one byte': () =>
    reading((frame, pass) => pass(frame.id === undefined ? frame : { ...frame, id: frame.id % 256 })),
  'adds an id to frames without one': () => reading((frame, pass) => pass({ id: 0, ...frame })),
  'drops all fields but topic and payload': () =>
    changing((frame) => {
      if (frame.type) return
      delete frame.topics
      delete frame.cursor
    }),
  'caches batches by their first frame': cacheByFirst,
  'keeps the array of frames': () => ({
    wire: (wire) => ({ write: (frames) => void setImmediate(() => wire.write(frames)) }),
  }),

  'writes Latin-1': () => writingText((text) => text.replaceAll(/[^ -\u00ff]/gu, '?')),
  'drops falsy payloads': () =>
    changing((frame) => {
      if (!frame.payload) delete frame.payload
    }),
  'sends null for an absent payload': () =>
    changing((frame) => {
      if (frame.type === undefined || frame.type === 'reply') frame.payload ??= null
    }),
  'splits characters at the ends of chunks': () => writingText(chunkwise),
  'drops frames above 64 KiB': () => writingOnly(({ text }) => text.length < 65_536),

  'confirms subscriptions before the app knows them': () =>
    reading((frame, pass, wire) => {
      if (frame.type !== 'subscribe') return pass(frame)
      const reply = { type: 'reply', id: frame.id, payload: { topics: frame.topics } } as const
      wire.write([{ message: reply, text: JSON.stringify(reply) } as Frame])
      setTimeout(() => pass({ ...frame, id: undefined }), 20)
    }),
  'confirms unsubscriptions without telling the app': () =>
    reading((frame, pass, wire) => {
      if (frame.type !== 'unsubscribe') return pass(frame)
      const reply = { type: 'reply', id: frame.id, payload: { topics: frame.topics } } as const
      wire.write([{ message: reply, text: JSON.stringify(reply) } as Frame])
    }),
  'drops the position of control frames': () =>
    changing((frame) => {
      if (frame.type === 'reply') delete frame.payload?.cursor
      else if (frame.type) delete frame.cursor
    }),
  'sends no position in pings': () =>
    changing((frame) => {
      if (frame.type === 'ping') delete frame.cursor
    }),
  'drops the field since': () => reading(({ since: _, ...frame }, pass) => pass(frame)),
  'does not send the end of a replay': () => writingOnly(({ message }) => message.type !== 'replayed'),
  'does not send error replies': () =>
    writingOnly(({ message }) => message.type !== 'reply' || message.error === undefined),
  'sends only the code of an error': () =>
    changing((frame) => {
      if (frame.error) frame.error = { code: frame.error.code, message: frame.error.code }
    }),
  'does not send error frames': () => writingOnly(({ message }) => message.type !== 'error'),

  'refuses frames above half of the limit': () => ({
    host: (host) => ({ ...host, limits: { ...host.limits, maxPayload: host.limits.maxPayload / 2 } }),
  }),
  'ignores maxPayload': () => ({
    host: (host) => ({ ...host, limits: { ...host.limits, maxPayload: Number.POSITIVE_INFINITY } }),
  }),
  'reports no buffered bytes': () => ({ wire: () => ({ buffered: 0 }) }),
  'counts all bytes ever written as buffered': () => ({
    wire: (wire) => {
      let written = 0
      return {
        get buffered() {
          return written
        },
        write: (frames) => {
          for (const { text } of frames) written += text.length
          wire.write(frames)
        },
      }
    },
  }),
  'claims to monitor its peers': () => ({ wire: () => ({ selfMonitored: true }) }),
  'does not send pings': () => writingOnly(({ message }) => message.type !== 'ping'),

  'closes before written frames are sent': () => ({ wire: (wire) => ({ close: () => wire.terminate() }) }),
  'waits without a time limit before it closes': () => ({
    wire: (wire) => {
      const close = () => void (wire.buffered === 0 ? wire.close() : setTimeout(close, 5))
      return { close }
    },
  }),
  'writes after close': () => ({
    wire: (wire) => ({ close: () => void setTimeout(() => wire.close(), 20) }),
  }),
  'throws after close': () => ({
    wire: (wire) => {
      let closed = false
      return {
        write: (frames) => {
          if (closed) throw new Error('write after end')
          wire.write(frames)
        },
        close: () => {
          closed = true
          wire.close()
        },
      }
    },
  }),
  'throws when its peer is gone': throwAfterEnd,
  'leaks the session': () => ({ session: () => ({ disconnected: () => {} }) }),
  'reports a disconnection as an error': () => ({
    session: (session) => ({ disconnected: () => session.close(new RookeryError('internal')) }),
  }),

  'gives a reconnecting user the old session': () => {
    const sessions = sessionsByUser()
    return {
      host: (host) => ({
        ...host,
        open: async (said, wire) => {
          const known = sessions(said.query.get('username'))
          known[0] ??= await host.open(said, wire)
          return known[0]
        },
      }),
    }
  },
  'ends all sessions of a user when one ends': () => {
    const sessions = sessionsByUser()
    return {
      session: (session, _wire, said) => {
        const known = sessions(said.query.get('username'))
        known.push(session)
        return { disconnected: () => known.map((one) => one.disconnected()) }
      },
    }
  },
  'works for the first app only': () => {
    let first: Parameters<NonNullable<Fault['host']>>[0] | undefined
    return { host: (host) => (first ??= host) }
  },
  'leaves a timer for every connection': () => ({
    session: () => {
      leaveTimer()
      return {}
    },
  }),
  'leaves a timer when it stops': () => ({ stop: (stop) => stop().then(() => void leaveTimer()) }),
  'never stops': () => ({ stop: () => new Promise(() => {}) }),
  'still listens after stop': () => ({ stop: async () => {} }),
} as const satisfies Record<string, () => Fault>

export type FaultName = keyof typeof faults

/** Returns a function that adds the named fault to a transport. */
export const brokenBy = (name: FaultName) => addFault(faults[name]())
