import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import { rejectionCode } from '../../rejection-code.ts'
import { excerpt, violation } from '../../violation.ts'
import type { ClusterCase } from '../cluster-case.ts'

/** An error code of the application, which the framework does not know. */
const APPLICATION_CODE = 'game_over'

const UNCHANGED = 'Questions and answers MUST arrive unchanged'
const VALUES: readonly unknown[] = [
  null,
  undefined,
  0,
  '',
  false,
  [],
  { list: [1, null, { '"': '\\' }], text: 'Grüße 😀\n' },
  'x'.repeat(60_000),
]

export const questions: readonly ClusterCase[] = [
  {
    name: 'a question and its answer arrive unchanged, with the id of the asking node',
    async run(context) {
      const [a, b] = await context.startPair()
      const asked: unknown[] = []
      b.app.cluster.answer('echo', (payload, from, to) => {
        asked.push([from, to])
        return payload
      })
      b.app.cluster.answer('later', async (payload) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return { later: payload }
      })
      await context.settle(a, b)
      for (const value of VALUES) {
        const answer = a.app.cluster.askNode(b.id, 'echo', value, context.timeout)
        expect(await answer, UNCHANGED).toEqual(value)
      }
      const who = 'ClusterHost.answer MUST get the question and the id of the asking node'
      expect(asked[0], who).toEqual([a.id, `$node/${b.id}`])
      expect(
        await a.app.cluster.askNode(b.id, 'later', 7, context.timeout),
        'The result of ClusterHost.answer MUST be awaited',
      ).toEqual({ later: 7 })
    },
  },
  {
    name: 'errors of the answering node arrive with code, message, issues, data and retryable',
    async run(context) {
      const [a, b] = await context.startPair()
      const issues = [{ message: 'too long', path: ['text'] }]
      b.app.cluster.answer('coded', () => {
        throw new RookeryError('forbidden', 'Not you', { issues })
      })
      b.app.cluster.answer('own', async () => {
        throw new RookeryError(APPLICATION_CODE, 'Insert coin', { data: { coins: 2 }, retryable: true })
      })
      b.app.cluster.answer('foreign', () => {
        throw Object.assign(new Error('Of another copy'), {
          name: 'RookeryError',
          code: APPLICATION_CODE,
          issues: 5,
        })
      })
      b.app.cluster.answer('unwritable', () => {
        throw new RookeryError(APPLICATION_CODE, 'Insert coin', { data: { coins: 2n } })
      })
      b.app.cluster.answer('a map', () => new Map([[1, 2]]))
      b.app.cluster.answer('plain', () => {
        throw new TypeError('undefined is not a function')
      })
      await context.settle(a, b)
      const ask = (method: string) =>
        a.app.cluster.askNode(b.id, method, undefined, context.timeout).catch((error) => error.toJSON())
      const requirement = 'An error of ClusterHost.answer MUST become the error of the answer'
      expect(await ask('coded'), requirement).toEqual({ code: 'forbidden', message: 'Not you', issues })
      expect(await ask('own'), requirement).toEqual({
        code: APPLICATION_CODE,
        message: 'Insert coin',
        data: { coins: 2 },
        retryable: true,
      })
      const others = { foreign: 'Of another copy', unwritable: 'Insert coin' }
      for (const [method, message] of Object.entries(others)) {
        expect(await ask(method), requirement).toEqual({ code: APPLICATION_CODE, message })
      }
      expect(await ask('a map'), 'An answer that JSON cannot hold MUST be refused').toMatchObject({
        code: 'unserializable',
      })
      expect(await ask('plain'), `${requirement}, 'internal' when it has no code`).toMatchObject({
        code: 'internal',
      })
      expect(await ask('nobody answers this'), requirement).toMatchObject({ code: 'unknown_topic' })
    },
  },
  {
    name: 'a question to a node that does not exist ends in time with node_unreachable',
    async run(context) {
      const [a] = await context.startPair()
      const requirement = 'A question to a node that does not exist MUST end'
      const asked = a.app.cluster.askNode('nobody0', 'echo', 1, 500)
      expect(await rejectionCode(context.within(asked, requirement)), requirement).toBe('node_unreachable')
      const answers = a.app.cluster.ask({ to: '$user/nobody', method: 'echo' })
      expect(await context.within(answers, requirement), requirement).toMatchObject({ items: [] })
    },
  },
  {
    name: 'a question to an address reaches each other node with sessions there once, and no other node',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const d = await context.startNode()
      const asked: string[] = []
      for (const { app, id } of [a, b, c, d]) {
        app.cluster.answer('who', () => {
          asked.push(id)
          return id
        })
      }
      for (const node of [a, b, b, c]) await node.openAs('ada')
      await context.untilMembers(a, b, c, d)
      await context.settle(a, b, c, d)
      const { timeout } = context
      for (const thorough of [false, true]) {
        asked.length = 0
        const { items, missing } = await a.app.cluster.ask({
          to: '$user/ada',
          method: 'who',
          thorough,
          timeout,
        })
        const sorted = [...items].sort((one, other) => (one.node < other.node ? -1 : 1))
        expect(sorted, 'Every node with sessions there MUST answer, and no other').toEqual(
          [b.id, c.id].sort().map((id) => ({ node: id, value: id })),
        )
        expect(missing, 'Answers.missing MUST be empty').toEqual([])
        expect([...asked].sort(), 'Each node MUST be asked once').toEqual([b.id, c.id].sort())
      }
      const nobody = await a.app.cluster.ask({ to: '$room/void', method: 'who', thorough: true, timeout })
      expect(nobody, 'Nodes without sessions there MUST NOT be listed as missing').toEqual({
        items: [],
        missing: [],
      })
    },
  },
  {
    name: 'a thorough question lists nodes that do not answer in time, and returns the other answers',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      let settle = (_value: unknown) => {}
      b.app.cluster.answer('who', () => new Promise((resolve) => (settle = resolve)))
      c.app.cluster.answer('who', () => 'c')
      for (const node of [b, c]) await node.openAs('ada')
      await context.settle(a, b, c)
      const question = { to: '$user/ada', method: 'who', timeout: context.timeout / 8 }
      const requirement = 'A question MUST NOT wait for longer than its timeout'
      const { items, missing } = await context.within(
        a.app.cluster.ask({ ...question, thorough: true }),
        requirement,
      )
      expect(items, 'The answers of the other nodes MUST be returned').toEqual([{ node: c.id, value: 'c' }])
      expect(missing, 'Answers.missing MUST list the nodes that did not answer').toEqual([b.id])
      settle('too late')
      const quick = await context.within(a.app.cluster.ask(question), requirement)
      expect(quick.items, 'The answers of the other nodes MUST be returned').toEqual([
        { node: c.id, value: 'c' },
      ])
      const alone = context.within(a.app.cluster.askNode(b.id, 'who', undefined, 300), requirement)
      expect(await rejectionCode(alone), requirement).toBe('node_unreachable')
      settle('too late')
    },
  },
  {
    name: 'concurrent questions each get their own answer',
    async run(context) {
      const [a, b, c] = await context.startTrio()
      const waits = Array.from({ length: 150 }, () => context.random.below(30))
      for (const { app, id } of [b, c]) {
        app.cluster.answer('echo', async (n) => {
          const wait = waits[n as number] as number
          if (wait % 3) await new Promise((resolve) => setTimeout(resolve, wait))
          return `${n} of ${id}`
        })
      }
      await context.settle(a, b, c)
      const requirement = 'Every question MUST get its own answer'
      const all = waits.map(async (_wait, n) => {
        const node = n % 2 ? b : c
        const answer = await a.app.cluster.askNode(node.id, 'echo', n, context.timeout)
        if (answer !== `${n} of ${node.id}`)
          throw violation(requirement, `${n} to ${node.id} got ${excerpt(answer)}`)
      })
      await context.within(Promise.all(all), requirement)
    },
  },
]
