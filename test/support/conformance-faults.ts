import { type Frame, type PeerSession, RookeryError } from 'rookery'
import {
  breakIt,
  changing,
  type Fault,
  reading,
  writing,
  writingOnly,
  writingText,
} from './conformance-broken.ts'

/** Timers that faults leave behind: cleared by who runs them. */
export const leftovers: NodeJS.Timeout[] = []

const leaveTimer = () => leftovers.push(setInterval(() => {}, 60_000))

/** Counts its calls. */
const every = (nth: number) => {
  let count = 0
  return () => ++count % nth === 0
}

const isControl = ({ message }: Frame) => message.type !== undefined

/** Encodes a batch once, and takes every batch that begins alike for the same. */
const cacheByFirst = (): Fault => {
  const batches = new Map<Frame | undefined, readonly Frame[]>()
  return writing((frames) => {
    const batch = batches.get(frames[0]) ?? [...frames]
    batches.set(frames[0], batch)
    return batch
  })
}

/** Reads each chunk of bytes as text by itself. */
const chunkwise = (text: string): string => {
  const bytes = Buffer.from(text)
  let read = ''
  for (let at = 0; at < bytes.length; at += 16_384) read += bytes.subarray(at, at + 16_384).toString()
  return read
}

/** Says what to do once its session is known to have gone. */
const afterGone = (): Fault => {
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

/** Ways to be a bad transport. Each call makes a new one. */
export const faults = {
  'swallows the welcome': () => writingOnly(({ message }) => message.type !== 'welcome'),
  'forgets the query': () => ({ handshake: (said) => ({ ...said, query: new URLSearchParams() }) }),
  'forgets the token': () => ({ handshake: ({ token: _, ...said }) => said }),
  'does not know the address': () => ({ handshake: (said) => ({ ...said, address: '' }) }),
  'calls itself otherwise': () => ({ handshake: (said) => ({ ...said, transport: 'tcp' }) }),
  'has headers as they came': () => ({ handshake: (said) => ({ ...said, headers: { 'User-Agent': 'x' } }) }),
  'takes every handshake for the first': () => {
    let first: Parameters<NonNullable<Fault['handshake']>>[0] | undefined
    return { handshake: (said) => (first ??= said) }
  },
  'never closes': () => ({ wire: () => ({ close: () => {} }) }),
  'never terminates': () => ({ wire: () => ({ terminate: () => {} }) }),
  'swallows close frames': () => writingOnly(({ message }) => message.type !== 'close'),
  'tells nobody to come back': () =>
    changing((frame) => {
      if (frame.type === 'close') frame.reconnectAfter = null
    }),
  'forgets what came before the session was open': () => ({
    session: (session) => {
      let young = true
      setImmediate(() => {
        young = false
      })
      return { receive: (frame) => void (young || session.receive(frame)) }
    },
  }),
  'forgets who left before the session was open': () => ({
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
  'puts messages before all else': () =>
    writing((frames) => frames.toSorted((a, b) => Number(isControl(a)) - Number(isControl(b)))),
  'puts all else before messages': () =>
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
  'lets every tenth frame of peers wait': () => {
    const tenth = every(10)
    return reading((frame, pass) => void (tenth() ? setTimeout(() => pass(frame), 5) : pass(frame)))
  },
  'has room for ids of a byte': () =>
    reading((frame, pass) => pass(frame.id === undefined ? frame : { ...frame, id: frame.id % 256 })),
  'numbers frames that have no id': () => reading((frame, pass) => pass({ id: 0, ...frame })),
  'knows only topic and payload': () =>
    changing((frame) => {
      if (frame.type) return
      delete frame.topics
      delete frame.seq
    }),
  'caches batches by their first frame': cacheByFirst,
  'keeps the array': () => ({
    wire: (wire) => ({ write: (frames) => void setImmediate(() => wire.write(frames)) }),
  }),

  'writes Latin-1': () => writingText((text) => text.replaceAll(/[^ -\u00ff]/gu, '?')),
  'loses what looks empty': () =>
    changing((frame) => {
      if (!frame.payload) delete frame.payload
    }),
  'writes null for nothing': () =>
    changing((frame) => {
      if (frame.type === undefined || frame.type === 'reply') frame.payload ??= null
    }),
  'cuts letters at the ends of chunks': () => writingText(chunkwise),
  'drops frames above 64 KiB': () => writingOnly(({ text }) => text.length < 65_536),

  'confirms subscriptions before the app has them': () =>
    reading((frame, pass, wire) => {
      if (frame.type !== 'subscribe') return pass(frame)
      const reply = { type: 'reply', id: frame.id, payload: { topics: frame.topics } } as const
      wire.write([{ message: reply, text: JSON.stringify(reply) } as Frame])
      setTimeout(() => pass({ ...frame, id: undefined }), 20)
    }),
  'confirms the end of subscriptions by itself': () =>
    reading((frame, pass, wire) => {
      if (frame.type !== 'unsubscribe') return pass(frame)
      const reply = { type: 'reply', id: frame.id, payload: { topics: frame.topics } } as const
      wire.write([{ message: reply, text: JSON.stringify(reply) } as Frame])
    }),
  'has no replies for errors': () =>
    writingOnly(({ message }) => message.type !== 'reply' || message.error === undefined),
  'knows only the code of an error': () =>
    changing((frame) => {
      if (frame.error) frame.error = { code: frame.error.code, message: frame.error.code }
    }),
  'swallows errors': () => writingOnly(({ message }) => message.type !== 'error'),

  'takes only half of the limit': () => ({
    host: (host) => ({ ...host, limits: { ...host.limits, maxPayload: host.limits.maxPayload / 2 } }),
  }),
  'ignores the limit': () => ({
    host: (host) => ({ ...host, limits: { ...host.limits, maxPayload: Number.POSITIVE_INFINITY } }),
  }),
  'never says what is buffered': () => ({ wire: () => ({ buffered: 0 }) }),
  'counts as buffered all that it ever wrote': () => ({
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
  'claims to watch its peers': () => ({ wire: () => ({ selfMonitored: true }) }),
  'swallows pings': () => writingOnly(({ message }) => message.type !== 'ping'),

  'closes at once': () => ({ wire: (wire) => ({ close: () => wire.terminate() }) }),
  'closes only when all has left': () => ({
    wire: (wire) => {
      const close = () => void (wire.buffered === 0 ? wire.close() : setTimeout(close, 5))
      return { close }
    },
  }),
  'goes on writing after close': () => ({
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
  'throws when its peer is gone': afterGone,
  'leaks the session': () => ({ session: () => ({ disconnected: () => {} }) }),
  'takes leaving for an error': () => ({
    session: (session) => ({ disconnected: () => session.close(new RookeryError('internal')) }),
  }),

  'gives who comes back the old session': () => {
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
  'ends all sessions of a user with one': () => {
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
  'goes on listening': () => ({ stop: async () => {} }),
} as const satisfies Record<string, () => Fault>

export type FaultName = keyof typeof faults

/** A transport that is broken in one way. */
export const brokenBy = (name: FaultName) => breakIt(faults[name]())
