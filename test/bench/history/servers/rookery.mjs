import { answer } from '../../ipc.mjs'
import { serverFunctions } from '../messages.mjs'
import { startApp } from '../start.mjs'

const { app, port } = await startApp({ keeps: ['rooms/*'] })
app.handle('echo', (_ctx, payload) => payload)

answer(
  serverFunctions({
    port,
    sessions: () => app.usage.sessions,
    publish: (room, payload) => app.publish(room, payload),
  }),
)
