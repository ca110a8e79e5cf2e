import { randomBytes, randomUUID } from 'node:crypto'
import express, { type Express, type Request, type Response } from 'express'
import { SignJWT } from 'jose'
import { type App, RookeryError } from 'rookery'
import { Auth } from 'rookery/auth'
import { z } from 'zod'
import type { InboxContract } from './contract.ts'

const secret = randomBytes(32)
const audience = 'rookery-notifications-example'

/** The option `jwt` of `auth()`. */
export const jwt = { secret, audience }

const Order = z.object({ item: z.string().min(1).max(100) })

interface StoredOrder {
  readonly id: string
  readonly user: string
  readonly item: string
}

/** Adds the routes of an ordinary backend. After a change, they notify the user. */
export const addRoutes = (web: Express, app: App<InboxContract>): void => {
  const orders = new Map<string, StoredOrder>()

  const notify = async ({ id, user }: StoredOrder, text: string): Promise<void> => {
    // 0 sessions if the user is offline. The message is kept then.
    const { sessions } = await app.send({ user }, 'inbox/new', { order: id, text, at: Date.now() })
    console.log(`to ${sessions} sessions of ${user}: ${text}`)
  }

  /** The user of the request. The HTTP routes and the sessions accept the same tokens. */
  const userOf = async ({ headers }: Request): Promise<string> => {
    const [, token = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? []
    const { user } = await app.scope.get(Auth).verify(token)
    return user.id
  }

  // The demo has no passwords: examples/auth has a login.
  web.post('/login/:user', async (request, response) => {
    const token = new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject(request.params.user)
    token.setAudience(audience).setIssuedAt().setExpirationTime('10 min')
    response.type('text').send(await token.sign(secret))
  })

  web.post('/orders', express.json(), async (request, response) => {
    const user = await userOf(request)
    const { success, data } = Order.safeParse(request.body)
    if (!success) return void response.status(400).json({ error: 'An order has an item' })
    const order = { id: randomUUID(), user, item: data.item }
    orders.set(order.id, order)
    await notify(order, `We have your order: ${order.item}`)
    response.status(201).json(order)
  })

  // The carrier calls this route, so the user may be offline.
  web.post('/orders/:id/shipped', async (request, response) => {
    const order = orders.get(request.params.id)
    if (!order) return void response.status(404).json({ error: 'There is no such order' })
    await notify(order, `${order.item} is on its way`)
    response.status(204).end()
  })

  web.use((error: unknown, _request: Request, response: Response, next: (error: unknown) => void) => {
    if (!(error instanceof RookeryError)) return next(error)
    response.status(error.status).json({ error: error.message })
  })
}
