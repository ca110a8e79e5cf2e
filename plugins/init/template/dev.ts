// Starts Vite and the server in one process, which tsx starts again when a file of the server changes.
import { createServer } from 'vite'

process.env.NODE_ENV = 'development'
await import('./server.ts')

const vite = await createServer()
await vite.listen()
vite.printUrls()
// server.ts stops the app on the same signals.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => vite.close())
