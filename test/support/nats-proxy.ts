import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface NatsProxy {
  readonly url: string
  /** Number of `PING` lines that nodes have sent: one for each flush, and one every two seconds. */
  readonly pings: number
  /** Keeps back everything, as a node does that is busy or suspended. Connections stay open. */
  hold(): void
  release(): void
}

/**
 * A TCP proxy in front of a NATS server that passes each piece on after a delay, as a network does. Closed at the end of
 * the test.
 */
export const useNatsProxy = async (server: { readonly port: number }, delayMs = 0): Promise<NatsProxy> => {
  const sockets = new Set<Socket>()
  let held: (() => void)[] | undefined
  let pings = 0
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.setNoDelay(true)
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    from.on('data', (chunk) => {
      const write = () => void (held ? held.push(write) : to.writable && to.write(chunk))
      if (delayMs > 0) setTimeout(write, delayMs)
      else write()
    })
  }
  const proxy = createServer((socket) => {
    const upstream = connect(server.port, '127.0.0.1')
    pass(socket, upstream)
    socket.on('data', (chunk) => {
      pings += chunk.toString('latin1').split('PING\r\n').length - 1
    })
    pass(upstream, socket)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const release = () => {
    const waiting = held ?? []
    held = undefined
    for (const write of waiting) write()
  }
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
    await once(proxy, 'close')
  })
  return {
    url: `nats://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    get pings() {
      return pings
    },
    hold: () => void (held ??= []),
    release,
  }
}
