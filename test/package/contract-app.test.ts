import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Package, type Project, pack } from './project.ts'
import { read } from './sources.ts'

const manifest = JSON.parse(read('package.json'))

/** An app for orders: shared contract, server and dashboard. */
const FILES = {
  'orders-contract.ts': `
import { defineContract, mergeContracts, prefixContract } from 'rookery/contract'
import { z } from 'zod'

export const Order = z.object({
  id: z.string(),
  customer: z.string(),
  total: z.number().positive(),
  status: z.enum(['open', 'paid', 'cancelled']),
})

const orders = defineContract({
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['customer', 'staff']) }),
  topics: {
    'orders/:id/changed': Order,
    'orders/:id/note': { schema: z.object({ by: z.string(), text: z.string() }), description: 'A note of the staff' },
    'stats/*': z.object({ open: z.number().int() }),
  },
  calls: {
    'orders/create': { input: Order.pick({ customer: true, total: true }), output: z.object({ id: z.string() }) },
    'orders/:id/cancel': {
      input: z.object({ reason: z.string().max(200) }),
      output: Order,
      errors: { already_paid: z.object({ total: z.number() }), unknown_order: z.undefined() },
    },
    'orders/open': { output: z.number() },
  },
})

const audit = defineContract({
  topics: { entries: z.object({ by: z.string(), what: z.string() }) },
})

export const contract = mergeContracts(orders, prefixContract('audit', audit))
export type Contract = typeof contract
`,
  'orders-server.ts': `
import { type App, type Context, createApp, defineMiddleware, RookeryError } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { websocket } from 'rookery/websocket'
import type { z } from 'zod'
import { type Contract, contract, type Order } from './orders-contract.ts'

type Order = z.infer<typeof Order>
const orders = new Map<string, Order>()
const open = (): number => [...orders.values()].filter(({ status }) => status === 'open').length

const change = async (ctx: Pick<Context<Contract>, 'publish'>, order: Order): Promise<void> => {
  orders.set(order.id, order)
  await ctx.publish(\`orders/\${order.id}/changed\`, order)
  await ctx.publish('stats/orders', { open: open() })
}

const withStaff = defineMiddleware<{ staff: string }, Contract>((ctx, next) => {
  if (ctx.user.role !== 'staff') throw new RookeryError('forbidden')
  return next({ staff: ctx.user.name })
})

export const serve = async (): Promise<{ app: App<Contract>; url: string }> => {
  const app = createApp({
    contract,
    plugins: [http({ port: 0, hostname: '127.0.0.1' }), websocket()],
    logger: 'silent',
    strict: true,
    allowAnonymous: true,
  })
  app.sessions.onAuthenticate(({ query }) => {
    const name = query.get('username')
    return name === null ? null : { id: name, name, role: name === 'sam' ? 'staff' : 'customer' }
  })
  app.handle('orders/create', async (ctx, { customer, total }) => {
    const id = String(orders.size + 1)
    await change(ctx, { id, customer, total, status: 'open' })
    return { id }
  })
  app.handle('orders/open', () => open())
  const staff = app.group({ use: [withStaff], rate: { limit: 100, window: '1s' } })
  staff.handle('orders/:id/cancel', { timeout: '2s' }, async (ctx, { reason }) => {
    const order = orders.get(ctx.params.id)
    if (!order) throw ctx.error('unknown_order')
    if (order.status === 'paid') throw ctx.error('already_paid', { total: order.total })
    const cancelled: Order = { ...order, status: 'cancelled' }
    await change(ctx, cancelled)
    await ctx.publish(\`orders/\${order.id}/note\`, { by: ctx.state.staff, text: reason })
    return cancelled
  })
  app.bus.subscribe('orders/*/changed', ({ payload }) => {
    void app.publish('audit/entries', { by: payload.customer, what: payload.status })
  })
  await app.start()
  return { app, url: app.scope.get(HttpServer).url }
}
`,
  'orders-dashboard.ts': `
import { type Client, createClient, isTopic } from 'rookery/client'
import type { Contract } from './orders-contract.ts'

export interface Dashboard {
  readonly client: Client<Contract>
  readonly log: string[]
  cancel(id: string): Promise<string>
}

export const createDashboard = (url: string, username: string): Dashboard => {
  const client = createClient<Contract>({ url, params: { username } })
  const log: string[] = []
  client.subscribe('orders/*', (_payload, message) => {
    if (isTopic(message, 'orders/:id/changed')) log.push(\`\${message.payload.customer}: \${message.payload.status}\`)
    else log.push(\`\${message.payload.by}: \${message.payload.text}\`)
  })
  client.subscribe('stats/orders', ({ open }) => log.push(\`open: \${open.toFixed()}\`))
  return {
    client,
    log,
    async cancel(id) {
      try {
        const { status } = await client.call(\`orders/\${id}/cancel\`, { reason: 'sold out' })
        return status
      } catch (error) {
        if (client.isError(error, 'already_paid')) return \`paid: \${error.data.total.toFixed(2)}\`
        if (client.isError(error, 'forbidden')) return \`not for \${client.user?.role ?? 'guests'}\`
        if (client.isError(error, 'unknown_order')) return 'unknown'
        throw error
      }
    },
  }
}
`,
}

const RUN = `
import { WebSocket } from 'ws'
import { serve } from './orders-server.js'
import { createDashboard } from './orders-dashboard.js'
// Node 20 has none.
globalThis.WebSocket ??= WebSocket
const { app, url } = await serve()
const staff = createDashboard(url, 'sam')
const customer = createDashboard(url, 'carl')
await Promise.all([staff.client.ready(), customer.client.ready()])
const { id } = await customer.client.call('orders/create', { customer: 'carl', total: 5 })
console.log(await customer.cancel(id))
console.log(await staff.cancel(id), await staff.cancel('0'))
console.log(await customer.client.call('orders/open'))
while (staff.log.length < 5) await new Promise((resolve) => setTimeout(resolve, 5))
console.log(staff.log.join(', '))
staff.client.close()
customer.client.close()
await app.stop()
`

const STRICTEST = {
  target: 'es2022',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: ['node'],
  skipLibCheck: false,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noUncheckedSideEffectImports: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  allowUnreachableCode: false,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  erasableSyntaxOnly: true,
  rewriteRelativeImportExtensions: true,
}

let rookery: Package
let project: Project

beforeAll(async () => {
  rookery = await pack()
  const packages = [...Object.keys(manifest.dependencies), 'hono', '@hono/node-server', 'ws', 'zod']
  project = rookery.install([...packages, '@types/node', '@types/ws', 'undici-types'])
}, 120_000)
afterAll(() => rookery?.remove())

describe('an app of three files, with roles, patterns and typed errors', () => {
  it.each([
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }],
    ['bundler', { module: 'preserve', moduleResolution: 'bundler' }],
  ])('compiles from the tarball under %s and the strictest options', async (_name, options) => {
    expect(await project.compile(FILES, { ...STRICTEST, ...options })).toEqual([])
  })

  it('runs', async () => {
    expect(await project.node(RUN)).toEqual({
      code: 0,
      stdout: [
        'not for customer',
        'cancelled unknown',
        '0',
        'carl: open, open: 1, carl: cancelled, open: 0, sam: sold out',
        '',
      ].join('\n'),
      stderr: '',
    })
  })
})
