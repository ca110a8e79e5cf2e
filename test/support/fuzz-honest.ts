import { WebSocket } from 'ws'
import { answer } from './fuzz-answer.ts'

/** Milliseconds between two messages of one client to the other. */
const MESSAGE_INTERVAL_MS = 20
/** Messages without an answer. A client sends the next one when one of them is answered. */
const MAX_UNANSWERED = 50

/** Results of two well-behaved clients. */
export interface HonestReport {
  readonly sent: number
  readonly lost: number
  /** Messages out of order, refusals and closed connections. */
  readonly faults: readonly string[]
  /** Round-trip times, in milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

interface RelayedMessage {
  readonly to: string
  readonly n: number
  readonly at: number
}

const faults: string[] = []
const times: number[] = []
const sockets: WebSocket[] = []
let sent = 0
let stop = () => {}

/** A client that gets the messages relayed to its name. Records a fault if they are out of order. */
const connect = async (
  url: string,
  honest: string,
  name: string,
  take: (message: RelayedMessage) => void,
) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws?username=${honest}-${name}`)
  sockets.push(socket)
  let next = 0
  let opened = () => {}
  const open = new Promise<void>((resolve) => {
    opened = resolve
  })
  socket.on('error', (error) => faults.push(`${name}: ${error.message}`))
  socket.on('close', (code, reason) => faults.push(`${name} closed: ${code} ${reason}`))
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as { type?: string; topic?: string; payload?: RelayedMessage }
    if (frame.type === 'welcome') {
      socket.send(JSON.stringify({ type: 'subscribe', id: 0, topics: [`${honest}/${name}`] }))
    } else if (frame.type === 'reply') opened()
    else if (frame.topic === `${honest}/${name}` && frame.payload) {
      if (frame.payload.n !== next) faults.push(`${name}: ${frame.payload.n} came instead of ${next}`)
      next = frame.payload.n + 1
      take(frame.payload)
    } else if (frame.type !== 'ping') faults.push(`${name} got ${String(data).slice(0, 300)}`)
  })
  await open
  return (message: RelayedMessage) =>
    socket.send(JSON.stringify({ topic: `${honest}/relay`, payload: message }))
}

const start = async ({ url, honest }: { url: string; honest: string }) => {
  const back = await connect(url, honest, 'b', ({ n, at }) => back({ to: 'a', n, at }))
  const send = await connect(url, honest, 'a', ({ at }) => times.push(performance.now() - at))
  const timer = setInterval(() => {
    // A busy machine may stop for seconds. Then a well-behaved client does not send more than the burst at once.
    if (sent - times.length < MAX_UNANSWERED) send({ to: 'b', n: sent++, at: performance.now() })
  }, MESSAGE_INTERVAL_MS)
  stop = () => clearInterval(timer)
}

/** Waits for outstanding messages, then disconnects. */
const finish = async (): Promise<HonestReport> => {
  stop()
  for (let waited = 0; times.length < sent && waited < 60_000; waited += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const seen = [...faults]
  for (const socket of sockets) socket.close()
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(share * (times.length - 1))] ?? Number.NaN
  return { sent, lost: sent - times.length, faults: seen, p50: at(0.5), p99: at(0.99), max: at(1) }
}

answer({ start, finish })
