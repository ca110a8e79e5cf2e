import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, vi } from 'vitest'

/** A load of requests that runs until it is stopped. */
export interface Load {
  /** Descriptions of the failed requests. */
  readonly failures: readonly string[]
  /** Number of requests that an app has answered. */
  answersOf(port: number): number
  /** When an app last answered, as of `performance.now()`. */
  lastAnswerOf(port: number): number
  /** Resolves when an app has answered `more` further requests. */
  untilAnswers(port: number, more: number): Promise<void>
  stop(): Promise<void>
}

/** Connections of the load, each with one request at a time. */
const CONNECTIONS = 8
/** Longest pause between two requests of a connection, in ms. */
const PAUSE_MS = 10

/** Sends GET and POST requests alternately on kept-alive connections. */
export const startLoad = (url: string): Load => {
  const failures: string[] = []
  const answers = new Map<number, { count: number; last: number }>()
  let stopped = false

  const send = async (agent: Agent, method: string): Promise<void> => {
    const path = method === 'GET' ? '/hello' : '/notes'
    try {
      const { status, body } = await ask(agent, method, `${url}${path}`)
      if (status !== 200) failures.push(`${method}: ${status} ${body.slice(0, 100)}`)
      const port = Number(body.split(' ')[0])
      answers.set(port, { count: (answers.get(port)?.count ?? 0) + 1, last: performance.now() })
    } catch (error) {
      failures.push(`${method}: ${error}`)
    }
  }
  const run = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    for (let count = 0; !stopped; count++) {
      await send(agent, count % 2 === 0 ? 'GET' : 'POST')
      await pause(Math.random() * PAUSE_MS)
    }
    agent.destroy()
  }
  const runs = Array.from({ length: CONNECTIONS }, run)

  const answersOf = (port: number) => answers.get(port)?.count ?? 0
  return {
    failures,
    answersOf,
    lastAnswerOf: (port) => answers.get(port)?.last ?? 0,
    async untilAnswers(port, more) {
      const wanted = answersOf(port) + more
      await vi.waitFor(() => expect(answersOf(port)).toBeGreaterThanOrEqual(wanted), { timeout: 30_000 })
    },
    async stop() {
      stopped = true
      await Promise.all(runs)
    },
  }
}

const ask = (agent: Agent, method: string, url: string) =>
  new Promise<{ status: number; body: string }>((resolve, reject) => {
    const asking = request(url, { method, agent }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode as number, body }), reject)
    })
    asking.on('error', reject)
    asking.end(method === 'POST' ? 'x'.repeat(1000) : undefined)
  })
