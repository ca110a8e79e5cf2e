import { type App, topic } from 'rookery'
import { Auth } from 'rookery/auth'
import { z } from 'zod'
import { accounts } from './accounts.ts'
import { type Device, MAX_TEXT_CHARACTERS, type Note, ROOM } from './messages.ts'

const text = z.string().trim().min(1).max(MAX_TEXT_CHARACTERS)

/** Adds the handlers for users who are logged in: list your devices, write to one user, write to the room. */
export const addHandlers = (app: App): void => {
  const auth = app.scope.get(Auth)

  /** Sends the list of a user's connected devices to all of them. */
  const publishDevices = async (user: string): Promise<void> => {
    const devices = new Map<string, Device>()
    for (const session of app.sessions.find({ user })) {
      const { sid, device, auth_time: since } = auth.claims(session) ?? {}
      const login = String(sid)
      const tabs = (devices.get(login)?.tabs ?? 0) + 1
      devices.set(login, { login, name: String(device), since: Number(since) * 1000, tabs })
    }
    await app.publish(topic`users/${user}/devices`, [...devices.values()])
  }
  app.handle('devices/list', ({ user }) => publishDevices(user.id))
  app.sessions.onClose(({ user }) => user && publishDevices(user.id))

  app.handle(
    'inbox/send',
    z.object({ to: z.enum(accounts.map(({ id }) => id)), text }),
    async (ctx, note) => {
      const { name: from } = ctx.user
      await app.publish(topic`users/${note.to}/inbox`, { from, text: note.text } satisfies Note)
    },
  )

  app.handle('room/write', z.object({ text }), async (ctx, note) => {
    await app.publish(`rooms/${ROOM}/notes`, { from: ctx.user.name, text: note.text } satisfies Note)
  })
}
