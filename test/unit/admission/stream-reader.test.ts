import { type Duplex, PassThrough, Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { FairQueue } from '../../../core/admission/fair-queue.ts'
import type { ProbeStream, UpgradedSocket } from '../../../core/admission/stream-reader.ts'

/** The module with a probe that has not run yet. */
const load = async () => {
  vi.resetModules()
  return await import('../../../core/admission/stream-reader.ts')
}

const createReadable = () => new Readable({ read() {} })

/** A stream that goes on flowing although there is a listener for `readable`. */
const createFlowing = (): ProbeStream => {
  const stream = createReadable()
  return {
    readableFlowing: true,
    get readableLength() {
      return stream.readableLength
    },
    push: (text) => stream.push(text),
    read: (size) => stream.read(size),
    on: (event, listener) => (event === 'readable' ? stream : stream.on(event, listener)),
  }
}

const listenedTo = (): Duplex => new PassThrough().on('data', () => {})

afterEach(() => void vi.resetModules())

describe('the start-up probe', () => {
  it('finds that Node streams can be read in pieces', async () => {
    const { canReadInPieces } = await load()
    expect(canReadInPieces(listenedTo(), createReadable)).toBe(true)
  })

  it('detects streams that ignore a listener for readable', async () => {
    const { canReadInPieces } = await load()
    expect(canReadInPieces(listenedTo(), createFlowing)).toBe(false)
  })

  it('runs once', async () => {
    const { canReadInPieces } = await load()
    const create = vi.fn(createReadable)
    for (let count = 0; count < 3; count++) canReadInPieces(listenedTo(), create)
    expect(create).toHaveBeenCalledTimes(1)
  })

  it('does not touch a socket without a data listener', async () => {
    const { canReadInPieces } = await load()
    expect(canReadInPieces(new PassThrough(), createReadable)).toBe(false)
  })
})

/** A reader of a stream in memory, and the pieces that a listener for its data gets. */
const createReader = async () => {
  const { StreamReader } = await load()
  const stream = new PassThrough()
  const pieces: Buffer[] = []
  stream.on('data', (bytes: Buffer) => void pieces.push(bytes))
  const reader = new StreamReader(stream as UpgradedSocket, new FairQueue())
  return { stream, reader, pieces }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the stream reader', () => {
  it('passes on small pieces, and a large payload at once', async () => {
    const { stream, reader, pieces } = await createReader()
    const small = Array<Buffer>(100).fill(Buffer.from([0x81, 0x80, 0, 0, 0, 0]))
    const large = Buffer.concat([Buffer.from([0x81, 0xfe, 0x20, 0, 0, 0, 0, 0]), Buffer.alloc(0x2000)])
    const bytes = Buffer.concat([...small, large])
    stream.write(bytes)
    reader.start()
    await vi.waitFor(() => expect(Buffer.concat(pieces)).toEqual(bytes))
    expect(pieces.map(({ length }) => length)).toEqual([512, 512, bytes.length - 1024])
  })

  it('reads nothing before start and after stop', async () => {
    const { stream, reader, pieces } = await createReader()
    stream.write('one')
    await turn()
    expect(pieces).toEqual([])
    reader.start()
    await vi.waitFor(() => expect(String(pieces)).toBe('one'))
    reader.stop()
    stream.write('two')
    await turn()
    expect(String(pieces)).toBe('one')
    reader.start()
    await vi.waitFor(() => expect(String(Buffer.concat(pieces))).toBe('onetwo'))
  })

  it('detects the end of the stream', async () => {
    const { stream, reader } = await createReader()
    const ended = new Promise((resolve) => stream.once('end', resolve))
    reader.start()
    stream.end('last')
    await ended
  })

  it('discards unread data when the connection breaks', async () => {
    const { stream, reader, pieces } = await createReader()
    stream.write(Buffer.alloc(8000))
    await turn()
    const closed = new Promise((resolve) => stream.once('close', resolve))
    stream.destroy(new Error('reset'))
    await closed
    reader.start()
    expect(stream.readableLength).toBe(0)
    expect(pieces).toEqual([])
  })
})
